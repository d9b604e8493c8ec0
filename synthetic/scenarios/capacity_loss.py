"""Some instances of a service go away, and those that are left cannot do what is asked of it.

After the loss of power in one zone of AWS's us-east-1 on 22 December 2021: who had room enough in the other zones went
on, who had counted on all of them was overloaded (AWS Builders' Library, "Static stability using Availability Zones",
on why there must be room). Nobody asks for more than usual: instances go first, connections to them are refused until
balancers have noticed, then the queue grows. Repeats are few or budgeted. Until new instances stand elsewhere. How many
go, and for how long, is drawn.
"""

from __future__ import annotations

from dataclasses import replace

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.interventions import Crash

NAME = "capacity-loss"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    narrow = town.busiest(town.middles or town.fronts)
    share, room = draw.one_of((1 / 3, 1.25), (2 / 3, 1.6))
    town.set_edges(retries=draw.one_of(0, 1), retry_budget=0.1)
    town.set_edges(to=narrow, required=True)
    town.expose(narrow)
    draw.size(town, (6.0, 9.0))  # all but one have room enough
    town.loads = [replace(load, amplitude=0.05) for load in town.loads]  # a day's peak would be an overload by itself
    town.set_service(narrow, capacity_rps=room * town.rps()[narrow], queue_limit_s=draw.between(3.0, 8.0))
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(10, 20)
    return draw.estate(
        town,
        cause=Cause(narrow, "capacity_loss", (town.host(narrow),), at_s=at_s, until_s=until_s),
        events=(Crash(narrow, at_s, until_s, share),),
    )
