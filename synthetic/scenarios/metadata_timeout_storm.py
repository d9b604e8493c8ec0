"""Storage servers ask for their membership all at once, wait too short a time, and take themselves out.

After AWS DynamoDB's disruption of 20 September 2015 (02:19 PDT): a brief network blip made storage servers ask the
metadata service for membership lists that had grown; answers took longer than they waited, so they left service and
asked again; errors peaked near 55 %; only pausing their requests let capacity be added, and all was well by 07:10. The
blip takes a share of the fleet out, and N / (C * T) decides.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.fleets import Fleet
from ..world.history import Service
from ..world.interventions import Hold, Restart, Scale

NAME = "metadata-timeout-storm"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    storage = town.busiest(town.stores)
    town.set_edges(retry_budget=0.1)  # the loop is the servers' own; users' clients are well-behaved
    town.set_edges(to=storage, required=True)
    town.set_service(storage, instrumented=True)
    metadata = draw.one_of("membership", "metadata", "partition-map")
    servers, timeout_s = float(round(draw.between(300, 900), -1)), draw.one_of(2.0, 3.0, 4.0)
    renew_s = draw.one_of(60.0, 120.0)
    capacity = servers / renew_s * draw.between(3.0, 4.5)
    operation = "ListPartitions"
    town.services.append(
        Service(metadata, (f"{metadata}.{town.domain}",), "java", operation, latency_s=0.02, capacity_rps=capacity)
    )
    asks = draw.edge(town, storage, metadata, 0.0, timeout_s=timeout_s, retries=1, backoff_s=0.5, required=False)
    town.edges.append(asks)
    at_s = draw.minutes(28, 36)
    pause_s = at_s + draw.minutes(16, 26)
    resume_s = pause_s + draw.minutes(3, 5)
    return draw.estate(
        town,
        fleets=(Fleet(storage, metadata, servers, renew_s=renew_s, pause_s=1.0, partitioned=True),),
        cause=Cause(metadata, "overload", (f"{metadata}.{town.domain}",), at_s=at_s, until_s=at_s + 60.0),
        events=(
            Restart(storage, at_s, draw.between(0.75, 0.95)),
            Hold(storage, pause_s, resume_s, detail="membership requests paused"),
            # Room enough for all to ask at once: N / (C * T) below 1.
            Scale(metadata, resume_s - 30.0, draw.between(1.3, 2.0) * servers / (capacity * timeout_s)),
        ),
    )
