"""The command line of kind over one Kubernetes node in Linux namespaces, and an API server alone."""
