"""More people come than there is room for, and go again: overload by demand, without a loop.

After the first working day of 2021 at Slack (4 January: organic load met a saturated network) and Canva's 270,000
waiting clients (12 November 2024), without their loops: retries are few or budgeted, so that what is too much is
turned away or times out, and all is well when the crowd has gone. Factor and length are drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.interventions import Surge

NAME = "organic-surge"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    front = max(town.fronts, key=lambda name: town.rps()[name])
    narrow = town.busiest([edge.server for edge in town.edges if edge.client == front])
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(10, 20)
    town.set_edges(retries=draw.one_of(0, 1), retry_budget=0.1)
    town.set_edges(of=front, to=narrow, required=True, calls_per_request=1.0)
    draw.size(town, (9.0, 12.0))  # all but one have room enough
    rates = town.rps()
    town.set_service(narrow, capacity_rps=rates[narrow] * draw.between(1.6, 2.0), queue_limit_s=draw.between(3.0, 8.0))
    factor = draw.between(4.0, 6.0)
    crowds = tuple(Surge(name, at_s, until_s, factor, ramp_s=draw.minutes(1, 3)) for name in town.fronts)
    return draw.estate(
        town,
        cause=Cause(narrow, "overload", (town.host(narrow), front), at_s=at_s, until_s=until_s),
        events=crowds,
    )
