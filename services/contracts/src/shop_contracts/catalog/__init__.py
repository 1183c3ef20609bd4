"""What catalog promises: `api`, `promotions`, `snapshot` to callers, `events` to consumers.

Compatibility: a model may gain an optional field, and a new model may come; nothing is removed, renamed, made
required or narrower. Readers ignore fields that they do not know. What must change gets a new name beside the
old one.
"""
