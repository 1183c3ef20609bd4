"""People who shop, made up: a world with tastes, seasons and shelves, and the sessions that come of it.

It knows nothing of the recommender that is measured with it: no code, no formula and no constant is shared.
People here follow an intent through a shop that shows lists; nothing they do is linear in what they did.
"""
