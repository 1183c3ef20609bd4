"""What others may rely on about the order-processing service."""
