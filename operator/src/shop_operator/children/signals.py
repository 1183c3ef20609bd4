"""What autoscalers ask Prometheus: what a service's pods carry, and when they have to stay all the same."""

from shop_operator.api import Metric, ShopService, quantity

SERIES = {
    "RequestsPerSecond": "http_server_requests_total",
    "Concurrency": "http_server_active_request_seconds_total",
}
"""The counters that the service's own metrics are rates of."""
READY = "service_ready"
"""1 or 0 as a pod's /readyz last said; from its first 1 on, and not of one that was told to end."""
NOT_SENT = "http_client_not_sent_total"
WITHHELD = "circuit_open|bulkhead_full"
"""Why callers do not send what they would: too much of what they sent had no answer."""
RATE_WINDOW = "15s"
SURGE_WINDOW = "4s"
"""Two scrapes at their default interval: a surge is seen a second or two after it began."""
SURGE_SHARE = 0.7
"""Of what a surge seems to be: so few seconds have few requests, which come and go by chance. Both are from
the table of docs/autoscaling.md."""


def target(metric: Metric) -> str:
    """What one pod is to carry, as a plain number."""
    return format(quantity.value(metric.target).normalize(), "f")


def query(shop: ShopService, metric: Metric) -> str:
    """PromQL for the sum over all pods.

    The pods of a service that is stalled count as at their target, if they carry less: it is asked less, or
    not at all, but all of them are needed when it is back. Only those that have been ready count, so that
    this never asks for more pods than there are, and a rollout's new ones do not add to it.
    """
    # Its label is all that tells it from the load, of which `or` would else leave the first alone.
    pods = f"count by (job) ({READY}{{{_pods(shop)}}} and on () ({_stalled(shop)}))"
    return f"max({_carried(shop, metric.type)} or {target(metric)} * {pods})"


def _carried(shop: ShopService, kind: str) -> str:
    """The surge, where it is more than the rate. The last part is 0 for pods that are up but have no series
    yet; without any pod there is no result at all, which must not be taken for 0."""
    rate = _rate(SERIES[kind], _pods(shop))
    surge = f"{SURGE_SHARE:g} * {_rate(SERIES[kind], _pods(shop), SURGE_WINDOW)}"
    return f"{surge} > {rate} or {rate} or 0 * sum(up{{{_pods(shop)}}} == 1)"


def _stalled(shop: ShopService) -> str:
    """Holds while most of the pods that have been ready are not any more, as without their database; or
    while callers hold back more than they send, as when requests hang."""
    calls = f'namespace="{shop.namespace}",server_address="{shop.name}",reason=~"{WITHHELD}"'
    withheld, sent = _rate(NOT_SENT, calls), _rate(SERIES["RequestsPerSecond"], _pods(shop))
    return f"avg({READY}{{{_pods(shop)}}}) < 0.5 or {withheld} > {sent}"


def _pods(shop: ShopService) -> str:
    return f'namespace="{shop.namespace}",job="{shop.name}"'


def _rate(series: str, labels: str, window: str = RATE_WINDOW) -> str:
    return f"sum(rate({series}{{{labels}}}[{window}]))"
