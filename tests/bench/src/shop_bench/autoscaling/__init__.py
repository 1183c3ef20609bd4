"""Autoscaling, measured: the same load on the same cluster under three treatments, and a sale.

`timeline` makes figures of what was seen, `comparison` compares them, `calibration` finds the CPU target that
is comparable, `treatments` says what is patched: these are pure. `cluster` watches and changes the
cluster, `settings` reads how it is set, `step` is one step of load, `sale` the sale, `run` all of it, which
`ledger` keeps.
"""
