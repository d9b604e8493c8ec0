"""A network device drowns, and names are the first thing that anybody sees fail.

After AWS's outage of 7 December 2021: a surge of connections from inside filled the devices between two networks;
retries kept them full after the surge; operators saw failing internal DNS first and moved its traffic, which helped
and did not mend it, until load was taken off (AWS, message 12721). The device is a queue: what waits in it longer than
its clients do is carried for nothing. Time-outs close connections, whose names must then be asked for through the same
device. Load, surge and when people act are drawn.
"""

from __future__ import annotations

from ..world.draw import Draw
from ..world.estate import Cause, Estate
from ..world.history import Service
from ..world.interventions import Surge, Throttle

NAME = "network-congestion-dns-symptom"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town(least=7, headroom=(6.0, 9.0))
    device = draw.one_of("transit-gateway", "inter-network-router", "core-switch")
    behind = tuple(town.stores)
    for store in behind:
        town.set_edges(
            to=store, link=device, required=True, retries=3, retry_budget=float("inf"), timeout_s=draw.one_of(2.0, 3.0)
        )
    rates = town.rps()
    crossing = sum(rates[store] for store in behind)
    capacity = crossing / draw.between(0.55, 0.75)
    router = Service(
        device, (), "go", "forward", instrumented=False, latency_s=0.0005, capacity_rps=capacity, queue_limit_s=12.0
    )
    town.services.append(router)
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(4, 8)
    relief_s = until_s + draw.minutes(12, 20)
    sheds = tuple(Throttle(name, relief_s, relief_s + 420.0, 0.1) for name in town.fronts)
    return draw.estate(
        town,
        cause=Cause(device, "network_congestion", at_s=at_s, until_s=until_s),
        events=(Surge(device, at_s, until_s, rps=capacity * draw.between(1.5, 2.5)), *sheds),
    )
