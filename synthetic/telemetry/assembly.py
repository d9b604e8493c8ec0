"""A timed forest -> span rows: who records a span, under which parent, with which look."""

from __future__ import annotations

import numpy as np

from ..world.history import History
from .looks import HIDES_ATTEMPTS, INSTANCES, OWN, SHOWS_LOOKUPS, WRAPS_ATTEMPTS, Looks
from .odds import OUTCOMES, SERVER, Floats, Ints, ends
from .table import Rows
from .timing import Times
from .tree import OWN as OF_ITS_OWN
from .tree import Forest

NEW_CONNECTION_SHARE = 0.03
"""Share of answered attempts that opened a connection, hence looked a name up (assumed, as of well-kept pools)."""

_AT_LOOKUP = np.array([name.startswith("dns_") for name in OUTCOMES])
CONNECTS = np.where(_AT_LOOKUP | np.isin(OUTCOMES, ("connect", "refused")), 1.0, NEW_CONNECTION_SHARE)
"""By outcome, the share of attempts that looked a name up."""

_LOOKUP_S = 0.004
"""Mean time of a look-up that succeeds (assumed: a resolver near by, some answers not in its cache)."""


class Assembly:
    """One pass over a forest from callers to callees; holds what a callee must know of its callers."""

    def __init__(
        self,
        history: History,
        order: tuple[int, ...],
        looks: Looks,
        skew_s: Floats,
        forest: Forest,
        times: Times,
        generator: np.random.Generator,
    ) -> None:
        self._history, self._order, self._looks, self._skew_s = history, order, looks, skew_s
        self._forest, self._times, self._generator = forest, times, generator
        self._parts: list[Rows] = []
        self._count = 0

    def rows(self) -> Rows:
        """All spans of the forest; callers before callees."""
        clients, servers = ends(self._history)
        above = {s: np.full(len(self._forest.requests[s]), -1) for s in self._order}
        for s in self._order:
            requests = self._forest.requests[s]
            resource = s * INSTANCES + self._generator.integers(0, INSTANCES, len(requests))
            context = self._serve(s, above[s], resource)
            for e in map(int, np.flatnonzero(clients == s)):
                attempts = self._forest.attempts[e]
                reached = attempts.child >= 0
                below = self._call(s, e, context, resource)
                above[int(servers[e])][attempts.child[reached]] = below[reached]
        names = ("parent", "trace", "start_s", "lasts_s", "look", "resource")
        rows = Rows(*(np.concatenate([getattr(part, name) for part in self._parts]) for name in names))
        if self._history.lost.any():
            tick = np.clip(rows.start_s / self._history.tick_s, 0, self._history.ticks - 1).astype(np.int64)
            lost = self._history.lost[tick, rows.resource // INSTANCES]
            rows.arrives = self._generator.random(len(rows)) >= lost
        return rows

    def _serve(self, s: int, above: Ints, resource: Ints) -> Ints:
        """Record the requests of a service; return for each the span that its calls hang under, or -1."""
        service, requests = self._history.services[s], self._forest.requests[s]
        if not service.instrumented:
            # it hands the trace's headers on, as load balancers do, so that what is below hangs under its caller
            return above
        state = np.minimum(requests.state, OF_ITS_OWN)
        by_itself = requests.root & ((requests.only >= 0) | (not service.user_facing))
        look = self._looks.server[s][state]
        if by_itself.any():
            look = np.where(by_itself, self._looks.timer[s][state], look)
        return self._add(above, requests.trace, self._times.start[s], self._times.lasts[s], look, resource)

    def _call(self, s: int, e: int, context: Ints, resource: Ints) -> Ints:
        """Record an edge's attempts; return for each the span that its server sees as the parent."""
        edge, attempts, times = self._history.edges[e], self._forest.attempts[e], self._times
        request = attempts.call_request.take(attempts.call)
        above, trace = context.take(request), self._forest.requests[s].trace.take(request)
        where = resource.take(request)
        if not self._history.services[s].instrumented:
            return above
        variant, most = self._variants(e), self._looks.client.shape[2] - 1
        if edge.dialect in HIDES_ATTEMPTS or edge.dialect in WRAPS_ATTEMPTS:
            last = attempts.last()
            hides = edge.dialect in HIDES_ATTEMPTS
            look = self._looks.sdk[e][variant[last]]
            if hides:
                look = self._looks.client[e][variant[last], np.minimum(attempts.k[last], most)]
            calls = self._add(above[last], trace[last], times.call_start[e], times.call_s[e], look, where[last])
            above = calls[attempts.call]
            if hides:
                return above
        look = self._looks.client[e][variant, np.minimum(attempts.k, most)]
        spans = self._add(above, trace, times.attempt_start[e], times.attempt_s[e], look, where)
        if edge.dialect in SHOWS_LOOKUPS:
            self._look_up(e, variant, spans, trace, where)
        return spans

    def _look_up(self, e: int, variant: Ints, spans: Ints, trace: Ints, resource: Ints) -> None:
        """Record the look-ups below an edge's attempts; one that fails takes most of its attempt's time."""
        attempts, start, lasts = self._forest.attempts[e], self._times.attempt_start[e], self._times.attempt_s[e]
        took = np.minimum(0.5 * lasts, self._generator.exponential(_LOOKUP_S, len(attempts)))
        took = np.where(_AT_LOOKUP[attempts.outcome], 0.8 * lasts, took)
        made = self._generator.random(len(attempts)) < CONNECTS[attempts.outcome]
        look = self._looks.lookup[e][variant]
        starts = (start + 0.1 * lasts)[made]
        self._add(spans[made], trace[made], starts, took[made], look[made], resource[made])

    def _variants(self, e: int) -> Ints:
        attempts = self._forest.attempts[e]
        served = np.flatnonzero(attempts.outcome == SERVER)
        if not len(served):
            return attempts.outcome
        state = self._forest.requests[self._history.service(self._history.edges[e].server)].state
        variants = attempts.outcome.copy()
        variants[served[state[attempts.child[served]] >= OF_ITS_OWN]] = OWN
        return variants

    def _add(self, parent: Ints, trace: Ints, start: Floats, lasts: Floats, look: Ints, resource: Ints) -> Ints:
        """Add spans; return their row numbers."""
        self._parts.append(Rows(parent, trace, start + self._skew_s.take(resource), lasts, look, resource))
        self._count += len(trace)
        return np.arange(self._count - len(trace), self._count)
