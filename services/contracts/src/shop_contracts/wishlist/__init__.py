"""What others may rely on about the wishlist service."""
