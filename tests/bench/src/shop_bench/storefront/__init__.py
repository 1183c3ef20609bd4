"""The front page with the whole shop behind it: how fast on one core, how light in a browser."""
