"""Search: finds products, forgives typos, and is right about prices and stock within seconds."""
