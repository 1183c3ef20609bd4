"""What a p99 costs: both autoscalers at three targets, pod-seconds beside latency.

A step of load as `shop_bench.autoscaling` makes it, by the same `Experiment`.
"""
