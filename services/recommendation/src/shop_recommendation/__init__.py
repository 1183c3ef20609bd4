"""Suggests products to shoppers, and says why."""
