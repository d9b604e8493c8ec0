"""Cilium's Hubble, which reads DNS on the wire: the only common metric in which an empty answer shows.

Codes are words ("No Error"), and `ips_returned="0"` with "No Error" is NODATA. An answer is a flow of its own: the
resolver's pod is the `destination` of questions and the `source` of answers. The other end is left out, since the world
counts no look-ups by client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...world.history import History, Lookups
from ..flows import Flow, merged
from .base import Family
from .grid import Grid
from .resolvers import looked_up
from .shapes import counters

RCODES = {
    "NOERROR": "No Error",
    "NXDOMAIN": "Non-Existent Domain",
    "SERVFAIL": "Server Failure",
    "REFUSED": "Query Refused",
}


def hubble(grid: Grid) -> Iterator[Family]:
    """Questions and answers by name, code, type and number of addresses."""
    returned = _addresses(grid.history)
    asked = list(looked_up(grid.history))
    queries = merged(_flow(one, "destination", ips_returned="0") for one in asked)
    yield counters(grid, "hubble_dns_queries_total", "DNS questions seen on the wire.", queries, born=True)
    answers = merged(
        _flow(one, "source", rcode=RCODES.get(one.rcode, one.rcode), ips_returned=returned(one))
        for one in asked
        if one.rcode
    )
    told = "DNS answers seen on the wire; No Error with 0 addresses is NODATA."
    yield counters(grid, "hubble_dns_responses_total", told, answers, born=True)
    full = merged(_flow(one, "source", type=one.qtype) for one in asked if one.rcode == "NOERROR" and not one.empty)
    yield counters(
        grid,
        "hubble_dns_response_types_total",
        "Types of the records in DNS answers seen on the wire.",
        full,
        born=True,
    )


def _flow(one: Lookups, end: str, **labels: str) -> Flow:
    told = {
        "job": "hubble-metrics",
        end: seen_as(one.resolver),
        "query": f"{one.name}." if one.name else "",
        "qtypes": one.qtype,
    }
    return Flow(told | labels, one.count, one.count)


def seen_as(resolver: str) -> str:
    """What Hubble calls a resolver's pod."""
    return f"kube-system/{resolver}"


def _addresses(history: History) -> Callable[[Lookups], str]:
    """How many addresses an answer carries, as the probes of the same name found; 1 of names that nobody probes."""
    known: dict[tuple[str, str], int] = {}
    for probe in history.probes:
        had = probe.answers[probe.answers > 0] if probe.module == "dns" else np.empty(0)
        if len(had):
            known[probe.target, probe.qtype] = int(np.median(had))

    def returned(one: Lookups) -> str:
        return "0" if one.empty or one.rcode != "NOERROR" else str(known.get((one.name, one.qtype), 1))

    return returned
