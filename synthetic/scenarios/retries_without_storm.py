"""Failures that come at once, each tried four times at once: amplification 4 and no storm.

What fails in a millisecond never reaches the server, so its retries overload nobody; below the hidden capacity
mu / (R + 1) nothing is left when the fault goes (measured in retry experiments: "fast fail, R = 3, immediate").
Whether a name is gone or all instances are dead is drawn, and so is for how long.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.interventions import Crash
from ..world.name_interventions import Rewrite

NAME = "retries-without-storm"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town(headroom=(5.0, 7.0))
    store = town.busiest(town.stores)
    host = town.host(store)
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(6, 15)
    unlimited = float("inf")
    town.set_edges(retry_budget=0.1)
    town.set_edges(to=store, required=True, retries=3, backoff_s=0.01, retry_budget=unlimited, pool_tau_s=30.0)
    if draw.one_of(True, False):
        gone = Rewrite((host,), "nxdomain", at_s, until_s, actor="dns-operator", generation=7)
        cause = Cause(host, "dns.nxdomain", (store,), "nxdomain", at_s, until_s)
        return draw.estate(town, cause=cause, events=(gone,))
    cause = Cause(store, "crash", (host,), at_s=at_s, until_s=until_s)
    return draw.estate(town, cause=cause, events=(Crash(store, at_s, until_s),))
