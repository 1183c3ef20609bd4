"""What every service of the shop shares; it knows no service."""
