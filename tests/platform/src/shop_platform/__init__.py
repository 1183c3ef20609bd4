"""What make up, down, status and load do."""
