"""Health checks take good targets out of service, over and over, and their zone's capacity with them.

After AWS's post-event summary of October 2025 (network load balancers put targets in service before their network
state had arrived), Cloudflare's 21 June 2022 (what is left overloads) and Kinesis of 30 July 2024 (slow status taken
for death). Network state propagates slowly for a while; new targets are healthy or not depending on who checks; flips
are work for the checkers; late checks fail zones over. Sizes and speeds are drawn.
"""

from __future__ import annotations

from ..world.balancers import Balancer
from ..world.draw import EPOCH, Draw
from ..world.estate import Balancing, Cause, Estate, Launches
from ..world.history import Service
from ..world.propagation import Launching

NAME = "health-check-flapping"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town()
    # What users feel at once: the front that most of them use, and the service that it cannot do without.
    front = max(town.fronts, key=lambda name: town.rps()[name])
    behind = town.busiest([edge.server for edge in town.edges if edge.client == front])
    name = draw.one_of("edge-lb", "ingress-lb", "internal-lb")
    town.set_edges(retry_budget=0.1)
    town.set_edges(to=behind, via=name, required=True, retries=draw.one_of(0, 1))
    town.set_edges(of=front, to=behind, calls_per_request=1.0)
    draw.size(town)
    launcher, propagator = "autoscaler", "network-state"
    town.services += [
        Service(launcher, (f"{launcher}.{town.domain}",), "go", "Launch", instrumented=False),
        Service(propagator, (), "go", "Propagate", instrumented=False),
        Service(name, (), "go", "HealthCheck", instrumented=False),
    ]
    targets = int(draw.between(200, 400))
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(14, 22)
    checks = 3 * targets / 10.0
    launching = Launching(
        launches_per_s=draw.between(4.0, 6.0),
        changes_per_s=draw.between(14.0, 20.0),
        retry_s=600.0,
        patience_s=3600.0,
        hand_on_per_s=20.0,
        propagate_per_s=40.0,
        slow_s=(at_s, until_s),
        slow_to=draw.between(0.3, 0.45),
    )
    balancer = Balancer(
        name,
        zones=("zone-a", "zone-b", "zone-c"),
        targets=targets,
        check_s=10.0,
        seen_share=0.5,
        target_share=0.08,
        noise=1e-5,
        checks_per_s=checks * draw.between(1.05, 1.12),
        flip_cost=draw.between(8.0, 12.0),
        late_s=draw.between(5.0, 10.0),
        out_s=600.0,
    )
    noon = EPOCH + 86400.0 * draw.one_of(*range(5)) + 13.0 * 3600.0  # when the day asks for most of the capacity
    return draw.estate(
        town,
        start=noon,
        launches=Launches(launching, launcher, propagator, (), 0.1),
        balancing=Balancing(balancer, {behind: draw.between(1.03, 1.08)}),
        cause=Cause(name, "health_check_flapping", (propagator,), at_s=at_s, until_s=until_s),
    )
