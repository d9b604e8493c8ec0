"""Names fail every day, and this time something else is broken.

AAAA of names with IPv4 addresses only is NODATA every day, as AWS's talk DAT453 notes of the very name that went
empty; search domains make NXDOMAIN; and about 3 % of a public resolver's answers are SERVFAIL on any day (Cloudflare,
4 October 2023). Beside all that a release grows slow and fails. Whoever blames DNS is wrong: its failures are as old
as the data.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.interventions import Release

NAME = "chronic-dns-noise"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    service = town.busiest(town.middles or town.fronts)
    town.set_edges(retry_budget=0.1)
    town.set_edges(to=service, required=True)
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(10, 20)
    release = Release(service, at_s, until_s, failing=draw.between(0.3, 0.8), slow_s=draw.between(0.0, 0.2))
    only_ipv4 = tuple(town.host(name) for name in town.stores)
    return draw.estate(
        town,
        cause=Cause(service, "bad_release", (town.host(service),), at_s=at_s, until_s=until_s),
        events=(release,),
        naming=draw.naming(
            servfail_share=draw.between(0.02, 0.04), search_share=draw.between(0.08, 0.2), without_aaaa=only_ipv4
        ),
    )
