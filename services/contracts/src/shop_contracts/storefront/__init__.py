"""What the storefront tells others."""
