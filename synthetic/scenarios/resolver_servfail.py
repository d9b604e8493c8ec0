"""One of several resolvers fails every name, so that only the clients behind it fail.

After Preply's outage of 28 February 2020: part of the look-ups of some services went to a CoreDNS pod that was no
longer there, and timed out for 26 minutes, while all others were well (Preply, "DNS issues in Kubernetes"). A resolver
that has lost its upstream answers SERVFAIL instead. No record is wrong, and probes that ask others find all names.
Who asks which resolver, how it fails, and for how long, are drawn.
"""

from __future__ import annotations

from ..telemetry.naming import pod_name
from ..world.draw import Draw, Town
from ..world.estate import Cause, Estate
from ..world.name_interventions import ResolverDown

NAME = "resolver-servfail"


def estate(seed: int) -> Estate:
    """One world of this kind."""
    draw = Draw(NAME, seed)
    town = draw.town(least=8)
    answer = draw.one_of("timeout", "servfail", "servfail")
    at_s = draw.minutes(28, 36)
    until_s = at_s + draw.minutes(12, 25)
    town.set_edges(pool_tau_s=draw.one_of(30.0, 60.0, 120.0))
    resolvers = tuple(f"coredns-{number}" for number in range(draw.one_of(2, 3)))
    asked_by = _asked_by(draw, town, resolvers)
    for name in asked_by:
        town.expose(name)
    pod = pod_name("coredns", 0)  # its name, and the targets of its scrapes
    aliases = (resolvers[0], f"{pod}:9153", f"{pod}:9167", f"kube-system/{pod}")
    return draw.estate(
        town,
        cause=Cause(pod, "dns.resolver_down", aliases, answer, at_s, until_s),
        events=(ResolverDown(0, answer, at_s, until_s, pod),),
        naming=draw.naming(resolvers=resolvers, asked_by=asked_by),
    )


def _asked_by(draw: Draw, town: Town, resolvers: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """A third of the services that call others ask the one that fails and nobody else, a third only the others; the
    instances of the rest stand before all of them."""
    calling = sorted({edge.client for edge in town.edges})
    order = [str(name) for name in draw.rng.permutation(calling)]
    third = max(1, len(order) // 3)
    alone = dict.fromkeys(order[:third], resolvers[:1])
    return alone | dict.fromkeys(order[third : 2 * third], resolvers[1:])
