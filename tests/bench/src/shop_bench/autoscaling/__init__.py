"""Autoscaling, measured: the same load on the same cluster under three treatments, and a sale.

`timeline` makes figures of what was seen, `statistics` compares them, `calibration` finds the CPU target that is
comparable: these are pure. `cluster` watches and changes the cluster, `step` is one step of load, `sale` the sale.
"""
