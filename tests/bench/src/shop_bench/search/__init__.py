"""Search beside SQLite's and PostgreSQL's full text, on the same products and queries in the same run."""
