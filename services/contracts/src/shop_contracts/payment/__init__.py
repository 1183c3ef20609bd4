"""What payment promises: `api` to callers, `events` to consumers.

Compatibility is as in `shop_contracts.catalog`: models only gain optional fields.
"""
