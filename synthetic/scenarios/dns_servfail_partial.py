"""Some resolvers answer SERVFAIL for one zone, others are well: signatures that only some of them check.

After Slack's DNSSEC outage of 30 September 2021 (only validating resolvers, only some names, a tail as long as the
TTLs) and Cloudflare's 1.1.1.1 of 4 October 2023 (SERVFAIL 15 % at the peak against 3 % on any day). The share of the
resolvers, the names and the length are drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.name_interventions import ResolverTrouble

NAME = "dns-servfail-partial"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    store = town.busiest(town.stores)
    town.expose(store)
    host = town.host(store)
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(12, 25)
    town.set_edges(to=store, required=True, retries=draw.one_of(1, 2, 3), pool_tau_s=draw.one_of(30.0, 60.0, 120.0))
    trouble = ResolverTrouble(draw.between(0.34, 0.67), "servfail", at_s, until_s, (host,))
    return draw.estate(
        town,
        cause=Cause(host, "dns.servfail", (store,), "servfail", at_s, until_s),
        events=(trouble,),
        naming=draw.naming(servfail_share=draw.one_of(0.002, 0.01, 0.03)),
    )
