"""The shop command: tokens, seed data, load."""
