"""What the recommendation service promises to others."""
