"""What others may rely on about the cart service."""
