"""What others may rely on about the user service."""
