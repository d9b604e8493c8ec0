"""A fleet crashes in a loop, is mended, and comes back all at once: a herd that ends by itself.

After Google Cloud's incident of 12 June 2025: policy data with blank fields made Service Control crash everywhere
within seconds; the red button stopped it after 40 minutes; where the region was large, tasks that started again without
randomised back-off overloaded the store they read from, for up to 2 h 40 min (Google Cloud status). N / (C * T) is
drawn below what collapses, so that the herd is slow and ends.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.fleets import Fleet
from ..world.history import Service
from ..world.interventions import Hold, Restart

NAME = "restart-herd"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town(headroom=(3.0, 4.0))
    control = town.busiest(town.middles or town.fronts)
    town.set_edges(to=control, required=True)
    source = draw.one_of("policy-store", "quota-store", "config-store")
    tasks, timeout_s = float(round(draw.between(400, 1500), -1)), draw.one_of(5.0, 10.0)
    capacity = tasks / timeout_s / draw.between(1.2, 1.7)
    town.services.append(
        Service(source, (f"{source}.{town.domain}",), "go", "ReadPolicies", latency_s=0.03, capacity_rps=capacity)
    )
    town.edges.append(draw.edge(town, control, source, 0.0, timeout_s=timeout_s, retries=0, required=False))
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(8, 15)
    return draw.estate(
        town,
        fleets=(Fleet(control, source, tasks, pause_s=draw.one_of(2.0, 5.0)),),
        cause=Cause(control, "bad_release", (town.host(control),), at_s=at_s, until_s=until_s),
        events=(
            Restart(control, at_s, 1.0),
            Hold(
                control, at_s, until_s, kind="deploy", detail="policy data replicated; mended", by="policy-replication"
            ),
        ),
    )
