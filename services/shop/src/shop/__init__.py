"""The shop command: a local shop, new services, tokens, demo data, sagas, dead letters."""
