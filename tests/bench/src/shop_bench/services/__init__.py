"""The services as processes of their own on PostgreSQL, Redis and NATS: the chassis beside bare FastAPI, hot
routes, memory, imports."""
