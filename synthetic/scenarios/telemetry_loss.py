"""What tells of the outage goes down with it: the telemetry pipeline needs the store that crashed.

After Kinesis of 25 November 2020 (CloudWatch needed it), AWS of 7 December 2021 (monitoring lost its network) and
Roblox of October 2021 (telemetry needed Consul). Services fail, and at the same moment their spans and metrics stop;
only what leaves the estate another way, such as probes from outside, still speaks. Store, share lost and length are
drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate, Load
from ..world.history import Service
from ..world.interventions import Crash

NAME = "telemetry-loss"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    store = town.busiest(town.stores)
    town.set_edges(to=store, required=True)
    pipeline = draw.one_of("otel-gateway", "telemetry-gateway")
    town.services.append(
        Service(pipeline, (f"{pipeline}.{town.domain}",), "go", "Export", instrumented=False, latency_s=0.005)
    )
    town.loads.append(Load(pipeline, 30.0, 0.1))
    town.edges.append(draw.edge(town, pipeline, store, 1.0, required=True, retries=1))
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(8, 18)
    draw.size(town)
    return draw.estate(
        town,
        pipeline=pipeline,
        cause=Cause(store, "crash", (town.host(store),), at_s=at_s, until_s=until_s),
        events=(Crash(store, at_s, until_s, share=draw.one_of(1.0, 1.0, 0.8)),),
    )
