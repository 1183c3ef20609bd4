"""Carts per session or user."""
