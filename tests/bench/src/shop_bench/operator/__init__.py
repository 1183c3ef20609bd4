"""The operator against a real API server, beside a bare client that makes the same calls."""
