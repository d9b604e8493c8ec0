"""What names lead to: from the authorities through the resolvers' caches to the connections that services hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .conditions import Conditions
from .dns import DnsBooks
from .estate import Estate, Naming
from .history import Floats
from .pools import without_connection
from .resolvers import ELSEWHERE, FAILING, STALE, cached_answers

ADDRESSES = 2.0
"""Addresses behind an ordinary name."""


@dataclass(frozen=True)
class NameBooks:
    """What was answered, per tick [T]: addresses, or one of the negative codes of `resolvers`.

    machine: the books of the writers that race, or None. authority: name -> [T]; seen: name -> [T, R] at each
    resolver; watched: name -> [T, 2 * cities] at those of the probes' cities, for A and AAAA in turn. Names that always
    have addresses are left out of `seen`. elsewhere: [T, R] how each resolver fails the names of the rest of the world,
    else 0; None where none ever does.
    """

    machine: DnsBooks | None
    authority: dict[str, Floats]
    seen: dict[str, Floats]
    watched: dict[str, Floats]
    elsewhere: Floats | None = None


def authorities(estate: Estate, ticks: int, machine: DnsBooks | None, times_s: Floats) -> dict[str, Floats]:
    """What each name's zone answers before anybody intervenes."""
    names = {edge.peer for edge in estate.edges} | set(estate.probing.names) | set(estate.naming.without_aaaa)
    found = {name: np.full(ticks, ADDRESSES) for name in sorted(names)}
    if machine is not None and estate.naming.machine is not None:
        record = estate.naming.machine.record
        found[record] = machine.answers(record, times_s)
    return found


def look_up(
    estate: Estate,
    authority: dict[str, Floats],
    troubled: dict[str, Floats],
    machine: DnsBooks | None,
    rngs: tuple[np.random.Generator, np.random.Generator],
) -> NameBooks:
    """Run the resolvers. troubled: name -> [T, R] what they answer whatever the authority says, else 0."""
    naming, cities = estate.naming, len(estate.probing.cities)
    seen: dict[str, Floats] = {}
    watched: dict[str, Floats] = {}
    for name, answers in authority.items():
        moves = bool((answers <= 0).any())
        if moves or name in troubled:
            seen[name] = cached_answers(answers, estate.tick_s, naming.caching, len(naming.resolvers), rngs[0])
        if name in troubled:
            seen[name] = np.where(troubled[name] < 0, troubled[name], seen[name])
        if name in estate.probing.names:
            watched[name] = np.tile(answers[:, None], (1, 2 * cities))
            if moves:
                watched[name] = cached_answers(answers, estate.tick_s, naming.caching, 2 * cities, rngs[1])
    return NameBooks(machine, authority, seen, watched, troubled.get(ELSEWHERE))


def fail_calls(conditions: Conditions, books: NameBooks, naming: Naming, but: tuple[tuple[str, str], ...] = ()) -> None:
    """Let the calls fail whose clients hold no connection and get no address, or get one of a host long drained.

    but: edges (client, server) whose failures a mechanism of their own decides.
    """
    for e, edge in enumerate(conditions.edges):
        if edge.peer not in books.seen or (edge.client, edge.server) in but:
            continue
        seen = books.seen[edge.peer][:, naming.of(edge.client)]
        lost = without_connection((seen > 0).mean(axis=1), conditions.tick_s, edge.pool_tau_s)
        bad = np.maximum((seen <= 0).mean(axis=1), 1e-12)
        for name, code in FAILING.items():
            share = (seen == code).mean(axis=1) / bad
            if share.any():
                conditions.fail_lookups(f"dns_{name}", e, lost * share)
        stale = lost * (seen == STALE).mean(axis=1) / bad
        conditions.unconnected[:, e] = 1.0 - (1.0 - conditions.unconnected[:, e]) * (1.0 - stale)
