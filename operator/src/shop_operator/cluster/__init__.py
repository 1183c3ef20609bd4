"""The only code that talks to the API server: connection, client, list + watch."""
