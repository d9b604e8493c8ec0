"""Recursive resolvers that cache answers, and the lack of answers.

A name that exists but has no addresses is answered NOERROR with an empty answer section (NODATA). A
resolver keeps that as long as the zone's SOA allows: min(TTL of the SOA record, its MINIMUM field)
(RFC 2308, section 5), 900 s for zones on Route 53. Resolvers fill their caches at different moments,
so after a repair they come back one by one over that time: in steps, not smoothly.

A negative answer is kept per (name, type), so A and AAAA come back at different moments too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .history import Floats

NODATA, NXDOMAIN, SERVFAIL, TIMEOUT, STALE = 0.0, -1.0, -2.0, -3.0, -4.0
ANSWERS = {"nodata": NODATA, "nxdomain": NXDOMAIN, "servfail": SERVFAIL, "timeout": TIMEOUT, "stale": STALE}
"""Answers that lead nowhere, as numbers beside counts of addresses; stale ones have some, of hosts long drained."""

FAILING = {"nodata": NODATA, "nxdomain": NXDOMAIN, "servfail": SERVFAIL, "timeout": TIMEOUT}
"""Of these, the ways in which a look-up itself fails."""

ELSEWHERE = "."
"""The zone of all names that no service is called by: the rest of the world's."""


@dataclass(frozen=True)
class Caching:
    """How long a resolver keeps answers.

    ttl_s: those with addresses. negative_ttl_s: those that the name, or its addresses, do not exist. failure_ttl_s:
    failures of the servers, 5 minutes at the most (RFC 2308, section 7), 5 s in CoreDNS.
    """

    ttl_s: float = 5.0
    negative_ttl_s: float = 900.0
    failure_ttl_s: float = 5.0

    def life_s(self, answer: float, left: float) -> float:
        """How long an answer is kept; `left`: of a negative answer's life, when it comes through another cache."""
        if answer > 0 or answer == STALE:
            return self.ttl_s
        return self.negative_ttl_s * left if answer in (NODATA, NXDOMAIN) else self.failure_ttl_s


def cached_answers(
    authority: Floats, tick_s: float, caching: Caching, resolvers: int, rng: np.random.Generator
) -> Floats:
    """[T, R] Answers that each of R busy resolvers gives, from the authority's answers [T].

    A busy resolver asks again as soon as an entry has expired, plus the moment until the next question. Its
    first lack of answers comes through a cache above it, which hands on what is left of the entry's life.
    """
    ticks = len(authority)
    seen = np.empty((ticks, resolvers))
    for resolver in range(resolvers):
        tick = 0
        expires_s = rng.uniform(0, caching.ttl_s)
        answer, left = authority[0], rng.uniform()
        while tick < ticks:
            # The entry serves up to the tick in which it expires; then the authority is asked.
            until = min(ticks, max(tick + 1, int(np.ceil(expires_s / tick_s))))
            seen[tick:until, resolver] = answer
            tick = until
            if tick < ticks:
                answer = authority[tick]
                expires_s = tick * tick_s + caching.life_s(float(answer), left)
                left = 1.0 if answer in (NODATA, NXDOMAIN) else left
    return seen
