"""Schemas of the services' APIs and events, one module per owning service."""
