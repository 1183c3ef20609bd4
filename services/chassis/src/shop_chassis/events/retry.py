"""Growing delays."""

import random


def delay(attempt: int, *, first: float = 0.2, most: float = 30.0) -> float:
    """Seconds to wait after failure number `attempt` (from 1): doubled each time, up to `most`.

    A quarter at random, so that those who failed together do not come back together.
    """
    grown = min(most, first * 2.0 ** min(attempt - 1, 30))
    return grown * (0.75 + random.random() / 4)
