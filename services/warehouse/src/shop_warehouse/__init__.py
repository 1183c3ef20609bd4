"""Stock by warehouse, reservations, movements, replenishment, stock takes."""
