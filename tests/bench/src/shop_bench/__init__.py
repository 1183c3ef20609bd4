"""Benchmarks of this project: figures as JSON, tables and plots."""
