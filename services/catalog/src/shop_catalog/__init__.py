"""Products, categories, prices and their history."""
