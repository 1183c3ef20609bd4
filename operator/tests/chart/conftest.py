from ..api.conftest import cluster, kubectl

__all__ = ["cluster", "kubectl"]
