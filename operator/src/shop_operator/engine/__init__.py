"""The operator's runtime: queue of keys, cache of children, reconcile."""
