"""Routes, by who asks: people, administrators, and the world outside."""
