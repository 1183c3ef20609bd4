"""A running shop and the people in it, for tests that do not care where it runs."""
