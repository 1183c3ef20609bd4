"""Lists of wishes, and prices that are watched."""
