"""Payments, gateways and the ledger."""
