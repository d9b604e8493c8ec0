"""A store whose every answer takes long, and nobody gives up on it: users wait, and none of their requests fails.

As a disk that retries its reads or a lock that is held too long would have it; no one outage is followed. Every call
waits longer than people like and less than its caller's time-out, there are workers enough to hold what waits, and
nothing is turned away, so that no counter of errors moves. How much longer, and for how long, is drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.interventions import Delay

NAME = "slow-dependency"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    store = town.busiest(town.stores)
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(8, 20)
    town.expose(store)
    town.set_edges(timeout_s=30.0)
    slow = Delay(store, at_s, until_s, draw.between(1.0, 3.0))
    return draw.estate(
        town,
        cause=Cause(store, "slow", (town.host(store),), at_s=at_s, until_s=until_s),
        events=(slow,),
    )
