"""A record goes back to an old plan: its addresses are those of hosts drained long ago, and no look-up fails.

The race of October 2025 without its clean-up (AWS's post-event summary; DAT453): the older plan stays in place. New
connections time out; those that are open go on until they are recycled. Nothing that counts DNS errors sees it: only
the change of the record, the changed addresses and connect time-outs to one name tell. Lengths are drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.name_interventions import Rewrite

NAME = "dns-stale-endpoint"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    store = town.busiest(town.stores)
    host = town.host(store)
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(10, 22)
    town.set_edges(to=store, required=True, retries=draw.one_of(1, 2), pool_tau_s=draw.one_of(60.0, 120.0, 240.0))
    older = Rewrite((host,), "stale", at_s, until_s, actor=draw.one_of("enactor-b", "dns-sync"), generation=110)
    return draw.estate(
        town,
        cause=Cause(host, "dns.stale_record", (store,), "stale", at_s, until_s),
        events=(older,),
    )
