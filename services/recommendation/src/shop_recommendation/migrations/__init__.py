"""The schema's history, read by the chassis."""
