"""A payment gateway for tests."""
