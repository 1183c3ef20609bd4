"""The neighbours, as pages ask them."""
