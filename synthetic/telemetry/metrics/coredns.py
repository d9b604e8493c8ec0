"""CoreDNS, resolver by resolver: its counters cannot show an empty record, since that answer is NOERROR.

Names of the `forward` plugin are those up to CoreDNS 1.10, which public rules ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...world.history import Lookups
from ..flows import FIXED, Flow, merged
from .base import Family, Floats
from .grid import Grid
from .resolvers import forwarder, looked_up
from .shapes import counters, histogram

_BOUNDS_S = tuple(0.00025 * 2.0**k for k in range(16))
"""The server's own buckets."""
_FORWARD_S, _PATIENCE_S, _CHECK_S = 0.002, 5.0, 0.5
"""An answer from the next resolver; how long `forward` waits for one; how often it checks one that fails."""
UPSTREAM = "10.0.0.2:53"
"""The next resolver, as the label `to` names it."""
_DOWN = 0.5
"""Share of unanswered questions from which an upstream counts as down."""


def coredns(grid: Grid) -> Iterator[Family]:
    """Questions, answers, their durations, the cache and what is forwarded."""
    asked = list(looked_up(grid.history))
    server = {"server": "dns://:53"}

    def flows(keep: Callable[[Lookups], bool], count: Callable[[Lookups], Floats], *labels: str) -> Iterator[Flow]:
        return merged(_flow(one, count(one), labels, server) for one in asked if keep(one))

    misses = forwarder(grid.history)
    everything, answered = (lambda _: True), (lambda one: one.rcode != "")
    family, told = "coredns_dns_requests_total", "DNS requests; an empty answer counts as NOERROR."
    yield counters(grid, family, told, flows(everything, _count, "zone", "type", "proto", "family"))
    family, told = "coredns_dns_responses_total", "DNS responses by response code; an empty answer is NOERROR."
    yield counters(grid, family, told, flows(answered, _count, "zone", "rcode", "plugin"))
    family, told = "coredns_dns_request_duration_seconds", "Time to work off a DNS request."
    yield histogram(grid, family, told, _durations(grid, server, misses), _BOUNDS_S)
    yield counters(grid, "coredns_cache_requests_total", "Requests that asked the cache.", flows(everything, _count))
    yield counters(
        grid,
        "coredns_cache_hits_total",
        "Answers from the cache, of names that exist (success) or not (denial).",
        flows(answered, lambda one: one.count - misses(one), "cache"),
    )
    yield counters(
        grid, "coredns_cache_misses_total", "Requests that the cache could not answer.", flows(everything, misses)
    )
    yield from _forward(grid, misses)


def _forward(grid: Grid, misses: Callable[[Lookups], Floats]) -> Iterator[Family]:
    asked, upstream = list(looked_up(grid.history)), {"to": UPSTREAM}
    yield counters(
        grid,
        "coredns_forward_requests_total",
        "Requests passed on to the next resolver.",
        merged(_flow(one, misses(one), (), upstream) for one in asked),
    )
    answered = [one for one in asked if one.rcode]
    yield counters(
        grid,
        "coredns_forward_responses_total",
        "Answers of the next resolver by response code.",
        merged(_flow(one, misses(one), ("rcode",), upstream) for one in answered),
    )
    yield histogram(
        grid,
        "coredns_forward_request_duration_seconds",
        "Time until the next resolver answered.",
        merged(_flow(one, misses(one), ("rcode",), upstream, _lasts(one, cached=False)) for one in answered),
        _BOUNDS_S,
    )
    checks, broken = "Failed health checks of the next resolver.", "Requests that found no healthy next resolver."
    yield counters(grid, "coredns_forward_healthcheck_failures_total", checks, _checks(grid, misses, upstream))
    none = (Flow({**flow.labels, "to": ""}, flow.count, flow.mean_s) for flow in _unanswered(grid, misses))
    yield counters(grid, "coredns_forward_healthcheck_broken_total", broken, none)
    pods = {one.resolver: Flow(pod_of(one.resolver), 0.0 * one.count, one.count) for one in asked}
    yield counters(grid, "coredns_panics_total", "Panics that the server survived.", pods.values())


def _count(one: Lookups) -> Floats:
    return one.count


def pod_of(resolver: str) -> dict[str, str]:
    """Labels of the scrape of a resolver."""
    return {"job": "kube-dns", "namespace": "kube-system", "pod": resolver, "instance": f"{resolver}:9153"}


def _flow(
    one: Lookups, count: Floats, wanted: tuple[str, ...], labels: dict[str, str], mean_s: float = _FORWARD_S
) -> Flow:
    denied = one.empty or one.rcode in ("NXDOMAIN", "SERVFAIL")
    told = {
        "zone": one.zone,
        "type": one.qtype,
        "rcode": one.rcode,
        "proto": "udp",
        "family": "1",
        "plugin": "forward",
        "cache": "denial" if denied else "success",
    }
    own = {("type" if name == "cache" else name): told[name] for name in wanted}
    return Flow(pod_of(one.resolver) | labels | own, count, np.broadcast_to(mean_s, count.shape))


def _lasts(one: Lookups, *, cached: bool) -> float:
    if one.rcode in ("", "SERVFAIL"):
        return _PATIENCE_S  # it waited for an answer that did not come
    return 0.0001 if cached else _FORWARD_S


def _durations(grid: Grid, server: dict[str, str], misses: Callable[[Lookups], Floats]) -> Iterator[Flow]:
    """From the cache and from afar are two peaks; as one flow each, their histograms are added up."""
    flows: list[Flow] = []
    for one in looked_up(grid.history):
        missed = misses(one)
        slow, fast = _lasts(one, cached=False), _lasts(one, cached=True)
        mean_s = np.divide(
            missed * slow + (one.count - missed) * fast, one.count, out=np.full_like(missed, slow), where=one.count > 0
        )
        flow = _flow(one, one.count, ("zone", "type"), server)
        flows.append(Flow(flow.labels, one.count, mean_s, FIXED if slow == _PATIENCE_S else 1.0))
    return merged(flows)


def _unanswered(grid: Grid, misses: Callable[[Lookups], Floats]) -> list[Flow]:
    """Per resolver, the questions that met a next resolver that is down."""
    total: dict[str, list[Floats]] = {}
    for one in looked_up(grid.history):
        missed = misses(one)
        failed = missed if one.rcode in ("", "SERVFAIL") else 0.0 * missed
        total.setdefault(one.resolver, []).append(np.stack([missed, failed]))
    out: list[Flow] = []
    for resolver, parts in total.items():
        missed, failed = np.sum(parts, axis=0)
        down = failed > _DOWN * np.maximum(missed, 1e-9)
        out.append(Flow(pod_of(resolver), np.where(down, failed, 0.0), down * grid.history.tick_s / _CHECK_S))
    return out


def _checks(grid: Grid, misses: Callable[[Lookups], Floats], upstream: dict[str, str]) -> Iterator[Flow]:
    for flow in _unanswered(grid, misses):
        yield Flow({**flow.labels, **upstream}, flow.mean_s, flow.mean_s)
