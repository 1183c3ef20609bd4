"""For tests: real servers, a running service, tokens. No service imports it."""
