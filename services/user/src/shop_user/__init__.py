"""Accounts, sessions and tokens; what belongs to a person, its export and its erasure."""
