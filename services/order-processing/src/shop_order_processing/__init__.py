"""Fulfils orders: a durable saga over stock, payment and shipping."""
