"""Routes, a module for each part of the shop."""
