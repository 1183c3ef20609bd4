"""Shipping cost, carriers, labels, tracking, delivery routes."""
