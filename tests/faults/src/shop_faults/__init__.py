"""Checkout under faults: shoppers order while services are killed, and a checker says what came of it."""
