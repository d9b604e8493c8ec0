"""A release that answers with errors, until it is rolled back; nothing else goes wrong.

After Fastly's outage of 8 June 2021: a configuration that was valid made 85 % of the network answer errors; seen
within a minute, most of it back in 49 (Fastly, "Summary of June 8 outage"). Clients retry little, the service has
room for it, and no load outlives the release. Share and length are drawn; everything else is an ordinary estate.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.interventions import Release

NAME = "plain-failure"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    service = town.busiest(town.middles or town.fronts)
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(8, 20)
    release = Release(service, at_s, until_s, failing=draw.between(0.4, 0.95), version=draw.one_of(12, 41, 208))
    town.set_edges(retry_budget=0.1)
    town.set_edges(to=service, retries=draw.one_of(0, 1, 2), required=True)
    return draw.estate(
        town,
        cause=Cause(service, "bad_release", (town.host(service),), at_s=at_s, until_s=until_s),
        events=(release,),
    )
