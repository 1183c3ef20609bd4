"""Tells people what happened; follows events."""
