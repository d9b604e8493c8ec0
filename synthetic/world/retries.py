"""Retries that come back in later ticks, and the budgets that clients keep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .history import Edge, Floats

DNS_TIMEOUT_S = 5.0
"""glibc's resolver waits 5 s for an answer (resolv.conf(5), option timeout)."""
BURST_S = 10.0
"""Unused retries of a budget expire after so long (Finagle's RetryBudget)."""
NEGLIGIBLE = 1e-9
"""Calls a tick below which nothing is followed up."""

FAST, UNCONNECTED, UNANSWERED, LATE = range(4)
"""How long a failed attempt takes: no time; a time-out of connecting, of the resolver, of the whole attempt."""

Ints = NDArray[np.int64]


class Parked:
    """Calls between a failed attempt and a later retry, by the tick in which they come back.

    A call is stuck or free. Each has its luck: one that was stuck while a share p of the calls was stuck is so again
    as long as the share is no smaller, and with chance p'/p once it has fallen to p'; one that was free gets stuck
    with chance (p' - p) / (1 - p) once it has risen. So beside the counts, counts over p and over 1 - p are kept.

    pause: [K - 1, 4, E] ticks between the starts of one try and the next, by how the first one fails; K tries at most.
    """

    def __init__(self, edges: tuple[Edge, ...], tick_s: float, tries: int) -> None:
        stages = [_pauses(edges, tick_s, stage) for stage in range(tries - 1)]
        self.pause = np.stack(stages) if stages else np.zeros((0, 4, len(edges)), dtype=np.int64)
        slots = int(self.pause.max(initial=0)) + 1
        self._due = np.zeros((slots, tries, 4, len(edges)))
        self.count = np.zeros(len(edges))

    def take(self, tick: int, stuck_share: Floats) -> Floats:
        """Calls that come back in a tick, [2, K, E]: stuck ones, and free ones, by the number of their try."""
        due = self._due[tick % len(self._due)]
        stuck, per_stuck, free, per_free = due.transpose(1, 0, 2)
        if not due.any():
            return np.zeros((2, *stuck.shape))
        self.count -= (stuck + free).sum(axis=0)
        still = np.minimum(stuck, per_stuck * stuck_share)
        newly = np.maximum(0.0, free - per_free * (1.0 - stuck_share))
        back = np.stack([still + newly, stuck - still + free - newly])
        due[:] = 0.0
        return back

    def due(self, tick: int) -> Floats:
        """[E] Free calls that will come back in a tick."""
        return self._due[tick % len(self._due), :, 2].sum(axis=0)

    def put(self, tick: int, kind: int, calls: Floats, stuck_share: Floats, *, stuck: bool) -> None:
        """Put calls [K - 1, E] aside that failed in some try, each for its own pause."""
        stage, edge = np.nonzero(calls)
        if not len(stage):
            return
        slot = (tick + self.pause[stage, kind, edge]) % len(self._due)
        first, whole = (0, stuck_share) if stuck else (2, 1.0 - stuck_share)
        count = calls[stage, edge]
        self._due[slot, stage + 1, first, edge] += count
        self._due[slot, stage + 1, first + 1, edge] += count / np.maximum(whole[edge], 1e-12)
        self.count += np.bincount(edge, count, len(self.count))


def _pauses(edges: tuple[Edge, ...], tick_s: float, stage: int) -> Ints:
    lasts = np.array([[0.0, edge.connect_timeout_s, DNS_TIMEOUT_S, edge.timeout_s] for edge in edges]).reshape(-1, 4)
    pause = np.array([edge.backoff_s * edge.backoff_growth ** min(stage, edge.retries) for edge in edges])
    return np.round((lasts.T + pause) / tick_s).astype(np.int64)


class Tries:
    """A tick's attempts, try by try, as they follow from the calls that are made and from those that come back.

    chain: [2, K - 1, E] of the stuck and of the free calls in one try, those that go on to the next within the tick.
    back: [2, K, E] calls that come back, by the number of their try.
    """

    def __init__(self, share: Floats, chain: Floats, back: Floats) -> None:
        self.chain, self.back = chain, back
        self._per_call, self._echo = _follow(share, chain, back)
        self._per_call_summed, self._echo_summed = self._per_call.sum(axis=1), self._echo.sum(axis=1)
        self._share = share

    def grant(self, e: Ints, granted: Floats) -> None:
        """Let only a share [L] of those at the edges e [L] go on."""
        if (granted == 1.0).all():
            return
        chain = self.chain[:, :, e] * granted
        per_call, echo = _follow(self._share[:, e], chain, self.back[:, :, e])
        self._per_call[:, :, e], self._echo[:, :, e] = per_call, echo
        self._per_call_summed[:, e], self._echo_summed[:, e] = per_call.sum(axis=1), echo.sum(axis=1)

    def reaching(self, kind: int, e: Ints, originals: Floats) -> Floats:
        """[L] Attempts of so many calls [L] over the edges e: of stuck ones (kind 0), or of free ones (kind 1)."""
        return self._per_call_summed[kind, e] * originals + self._echo_summed[kind, e]

    def reached_per_call(self) -> Floats:
        """[E] Attempts that reach the server within the tick, per call that is made."""
        return self._per_call_summed[1]

    def made(self, originals: Floats) -> Floats:
        """[2, K, E] All attempts of so many calls [E]: of stuck ones, and of free ones."""
        return self._per_call * originals + self._echo


def _follow(share: Floats, chain: Floats, back: Floats) -> tuple[Floats, Floats]:
    """Attempts by try per call that is made, and those of the calls that come back."""
    per_call, echo = np.empty_like(back), back.copy()
    per_call[:, 0] = share
    for stage in range(chain.shape[1]):
        np.multiply(per_call[:, stage], chain[:, stage], out=per_call[:, stage + 1])
        echo[:, stage + 1] += echo[:, stage] * chain[:, stage]
    return per_call, echo


class Budgets:
    """What clients allow themselves of retries: a share of their originals, saved up for `BURST_S` at the most.

    limited: [E] whether there is a budget. share: [E] of the tick's wanted retries, that were granted.
    """

    def __init__(self, edges: tuple[Edge, ...], tick_s: float) -> None:
        self._of_originals = np.array([edge.retry_budget for edge in edges])
        self.limited = np.isfinite(self._of_originals)
        self._most_ticks = max(1.0, BURST_S / tick_s)
        self._left = np.zeros(len(edges))
        self.share = np.ones(len(edges))

    def grant(self, e: Ints, originals: Floats, back: Floats, wanting: Floats, chain: Floats) -> Floats:
        """[L] The share of wanted retries that each of the edges e [L], all with a budget, may make in a tick.

        back: [K, L] calls that come back for a try, which was granted before. wanting: [K - 1, L] of the calls in one
        try, those that want another; chain: of these, those that want it within the tick.
        """
        earned = self._of_originals[e] * originals
        left = np.minimum(self._left[e] + earned, earned * self._most_ticks)
        calls = _Chain(originals, back, wanting, chain)
        share = np.ones(len(e))
        # The retries of retries make what is used rise with the share by a power between one and the number of tries.
        used = calls.used(share)
        for _ in range(8):
            nearer = np.minimum(share * np.sqrt(left / np.maximum(used, 1e-12)), 1.0)
            if (nearer == share).all():  # as on most days: there is enough for all
                break
            share, used = nearer, calls.used(nearer)
        share = share * np.minimum(1.0, left / np.maximum(used, 1e-12))
        self._left[e] = np.maximum(0.0, left - calls.used(share))
        self.share[e] = share
        return share


@dataclass(frozen=True)
class _Chain:
    """A tick's tries, one after the other; fields as in `Budgets.grant`."""

    originals: Floats
    back: Floats
    wanting: Floats
    chain: Floats

    def used(self, share: Floats) -> Floats:
        """[L] Retries made where this share of those wanted is granted."""
        calls, used = self.originals, np.zeros(len(self.originals))
        for stage in range(len(self.chain)):
            used = used + calls * self.wanting[stage] * share
            calls = calls * self.chain[stage] * share + self.back[stage + 1]
        return used
