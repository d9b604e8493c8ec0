"""A command cuts a backbone; the name servers behind it withdraw their routes, and everybody retries.

After Facebook's outage of 4 October 2021: an audit command took all data centres off the backbone; DNS servers that
could not reach them withdrew their own routes, so that resolvers everywhere answered SERVFAIL for every name of one
owner, at sixty times the usual rate (Meta Engineering; Cloudflare). DNS is loud and a symptom. Length is drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.history import Service
from ..world.interventions import Cut
from ..world.name_interventions import Rewrite

NAME = "bgp-withdrawal"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town(least=8)
    backbone = draw.one_of("backbone", "wan-edge", "border-routers")
    town.services.append(Service(backbone, (), "go", "forward", instrumented=False, latency_s=0.0005))
    count = max(2, round(draw.between(0.5, 1.0) * len(town.stores)))
    behind = tuple(town.stores[:count])
    names = tuple(town.host(store) for store in behind)
    for store in behind:
        town.set_edges(to=store, link=backbone, required=True, pool_tau_s=draw.one_of(60.0, 120.0))
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(10, 20)
    withdrawn_s = at_s + 10.0 * round(draw.between(2.0, 6.0))
    return draw.estate(
        town,
        cause=Cause(backbone, "network_congestion", at_s=at_s, until_s=until_s),
        events=(
            Cut(behind, at_s, until_s, device=backbone),
            Rewrite(names, "servfail", withdrawn_s, until_s + 60.0, logged=False),
        ),
    )
