"""Events of the cart service. Best effort: carts live in Redis, without an outbox, so one may be missing."""
