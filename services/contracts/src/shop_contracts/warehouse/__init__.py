"""What others may rely on about the warehouse service."""
