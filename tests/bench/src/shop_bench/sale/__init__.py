"""A sale on the cluster of `make up`: who scales, and whether the others notice.

`make bench-sale`; the shop is as it is installed, nothing of it is patched.
"""
