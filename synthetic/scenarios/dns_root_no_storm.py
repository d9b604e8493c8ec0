"""A record loses its addresses, and clients that keep a retry budget do not make it worse.

After Akamai's Edge DNS outage of 22 July 2021 (15:46 UTC, about an hour, a configuration update that hit a bug in the
DNS system; no storm was reported): DNS is the root, and the recovery is as plain as the failure. A budget of a tenth
is what Google's "Handling Overload" and gRPC's retry throttling advise. Which store it is, and for how long, is drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.name_interventions import Rewrite

NAME = "dns-root-no-storm"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    store = town.busiest(town.stores)
    host = town.host(store)
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(8, 20)
    town.set_edges(retry_budget=0.1)
    town.set_edges(to=store, required=True, pool_tau_s=draw.one_of(30.0, 60.0, 120.0))
    emptied = Rewrite((host,), "nodata", at_s, until_s, actor="dns-operator", generation=draw.one_of(61, 311, 1204))
    return draw.estate(
        town,
        cause=Cause(host, "dns.empty_record", (store,), "nodata", at_s, until_s),
        events=(emptied,),
    )
