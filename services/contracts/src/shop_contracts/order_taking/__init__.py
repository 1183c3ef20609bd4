"""What others may rely on about order-taking: `api` for callers, `events` for consumers."""
