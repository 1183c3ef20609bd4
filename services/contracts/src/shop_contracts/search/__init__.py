"""What search promises to its callers."""
