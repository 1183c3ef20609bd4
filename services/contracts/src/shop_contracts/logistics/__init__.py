"""What others may rely on about logistics: `api` for callers, `events` for consumers."""
