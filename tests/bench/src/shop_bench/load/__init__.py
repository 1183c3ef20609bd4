"""Load on a shop that runs: people who come whether or not those before them are done (an open model).

`profiles` says how many come when, `visits` what they do, `checks` what each answer has to say, `door` how
they reach the services, `samples` what is kept of it. `__main__` is the generator, on locust; gevent's
patches are in its process alone, so nothing here imports it. `command` finds a shop and starts it, `pod` on
a cluster.
"""
