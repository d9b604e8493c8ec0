"""The attempts of a batch of calls over one edge: how each ends, and whether another follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..world.history import History
from .odds import DEADLINE, OK, SERVER, Chances, Flags, Floats, Ints, ends, given_up_when_free, outcome_s

_FREED = 0.5
"""Where attempts fail less often than this times what they did at the attempt before, a call may end otherwise."""


@dataclass
class Attempts:
    """The attempts over one edge, ordered by call and try.

    call_request [calls]: row of the client's requests that makes the call.
    call, k, outcome, pause_s: of each attempt its call, its number from 0, how it ended, the pause before it.
    tick, at_s: when it starts, roughly, in ticks and in seconds since the history's start.
    child: row of the server's requests that it became, or -1.
    """

    call_request: Ints
    call: Ints
    k: Ints
    outcome: Ints
    pause_s: Floats
    tick: Ints
    at_s: Floats
    child: Ints

    def __len__(self) -> int:
        return len(self.call)

    def last(self) -> Flags:
        """[attempts] it was its call's last."""
        return np.append(self.call[1:] != self.call[:-1], True)[: len(self.call)]


@dataclass
class _Tries:
    """Calls that are being tried: which, when, how many tries are behind them.

    luck: a call is stuck in the ticks whose share of stuck calls is greater. bad: it is to be given up in the end.
    tied: whether it still is to end as `bad` says: not where the odds have freed it, or nobody waits for its end.
    """

    call: Ints
    tick: Ints
    at_s: Floats
    luck: Floats
    bad: Flags
    tied: Flags
    pause_s: Floats


class Caller:
    """Draws the attempts over one edge."""

    def __init__(self, history: History, chances: Chances, e: int, generator: np.random.Generator) -> None:
        _, servers = ends(history)
        self._edge, self._history, self._generator = history.edges[e], history, generator
        self._stuck, self._parks = chances.stuck[e], bool(chances.parks[e])
        self._late, self._granted = chances.late[:, e], chances.granted[:, e]
        self._fails = self._late + (1.0 - self._late) * chances.failing[:, servers[e]]
        self._given_up = chances.given_up[:, e]
        self._answer_s = history.latency_server_s[:, e]
        self._lasts_s = outcome_s(self._edge)

    def attempts(self, call_request: Ints, fails: Flags, free_s: Floats) -> Attempts:
        """All attempts of calls.

        call_request [calls]: the request that makes each. fails, free_s [requests]: its calls are given up in the
        end; when it makes them, in seconds since the history's start.
        """
        tries, k = self._first(call_request, fails[call_request], free_s[call_request]), 0
        parts: list[tuple[_Tries, Ints]] = []
        while len(tries.call) or k == 0:
            outcome, again = self._try(k, tries)
            parts.append((tries, outcome))
            tries, k = self._next(k, tries, outcome, again), k + 1
        call = np.concatenate([tries.call for tries, _ in parts])
        number = np.repeat(np.arange(k), [len(tries.call) for tries, _ in parts])
        outcome = np.concatenate([outcome for _, outcome in parts])
        pause_s, at_s = (np.concatenate([getattr(tries, name) for tries, _ in parts]) for name in ("pause_s", "at_s"))
        tick = np.concatenate([tries.tick for tries, _ in parts])
        child = np.full(len(call), -1)
        if k == 1:
            return Attempts(call_request, call, number, outcome, pause_s, tick, at_s, child)
        order = np.argsort(call, kind="stable")
        call, number, outcome, pause_s = call[order], number[order], outcome[order], pause_s[order]
        return Attempts(call_request, call, number, outcome, pause_s, tick[order], at_s[order], child)

    def waited_s(self, attempts: Attempts, requests: int) -> Floats:
        """[requests] How long each waits for its failed attempts, roughly."""
        failed = np.flatnonzero((attempts.outcome != OK) & ((attempts.k == 0) | (not self._parks)))
        lasts = self._lasts(attempts.outcome[failed], attempts.tick[failed]) + attempts.pause_s[failed]
        return np.bincount(attempts.call_request[attempts.call[failed]], lasts, requests).astype(np.float64)

    def _first(self, call_request: Ints, bad: Flags, at_s: Floats) -> _Tries:
        n = len(call_request)
        tick = self._ticks(at_s)
        luck = np.ones(n)
        if len(self._stuck.outcomes):
            share, lost = self._stuck.share.take(tick), self._given_up.take(tick)
            drawn = self._generator.random(n)
            luck = share + drawn * (1.0 - share)
            # of the calls given up, stuck / lost are stuck
            scaled = drawn * lost
            luck[bad] = np.where(scaled < share, scaled, luck)[bad]
        return _Tries(np.arange(n), tick, at_s, luck, bad, np.ones(n, np.bool_), np.zeros(n))

    def _try(self, k: int, tries: _Tries) -> tuple[Ints, Flags]:
        """How attempts number `k` end, and which calls are tried again."""
        left, n = self._edge.retries - k, len(tries.call)
        fails, granted = self._fails.take(tries.tick), self._granted.take(tries.tick)
        then_lost = given_up_when_free(fails, granted, left - 1) if left > 0 else np.ones(n)
        ending = (1.0 - granted) + granted * then_lost if left > 0 else then_lost
        chance = np.where(tries.tied, self._chance_if_well(fails, granted, then_lost, ending, left), fails)
        chance[tries.tied & tries.bad] = 1.0
        drawn = self._generator.random(n)
        outcome = np.full(n, OK)
        failed = np.flatnonzero(drawn < chance)
        # among failed attempts, late / fails are late
        late = drawn[failed] * fails[failed] < self._late.take(tries.tick[failed]) * chance[failed]
        outcome[failed] = np.where(late, DEADLINE, SERVER)
        more = granted
        if left > 0 and len(failed):
            given = np.divide(granted * then_lost, ending, out=np.ones(n), where=ending > 0)
            more = np.where(tries.tied, np.where(tries.bad, given, 1.0), granted)
        if len(self._stuck.outcomes):
            nth = (self._stuck.below[tries.tick] <= tries.luck[:, None]).sum(axis=1)
            at = np.flatnonzero(nth < len(self._stuck.outcomes))
            outcome[at] = self._stuck.outcomes[nth[at]]
            more = more.copy()
            more[at] = granted[at]
        if left <= 0:
            return outcome, np.zeros(n, np.bool_)
        again = outcome != OK
        again[again] = self._generator.random(int(again.sum())) < more[again]
        return outcome, again

    @staticmethod
    def _chance_if_well(fails: Floats, granted: Floats, then_lost: Floats, ending: Floats, left: int) -> Floats:
        """Chance that an attempt fails although its call ends well."""
        if left <= 0:
            return np.zeros(len(fails))
        well = 1.0 - fails * ending
        return np.divide(fails * granted * (1.0 - then_lost), well, out=np.zeros(len(fails)), where=well > 0)

    def _next(self, k: int, tries: _Tries, outcome: Ints, again: Flags) -> _Tries:
        at = np.flatnonzero(again)
        pause = self._edge.backoff_s * self._edge.backoff_growth**k * self._generator.uniform(0.5, 1.5, len(at))
        at_s = tries.at_s[at] + self._lasts(outcome[at], tries.tick[at]) + pause
        tick, luck = self._ticks(at_s), tries.luck[at]
        answered = (outcome[at] == SERVER) | (outcome[at] == DEADLINE)
        freed = self._fails.take(tick) < _FREED * self._fails.take(tries.tick[at])
        tied = tries.tied[at] & answered & ~freed & (luck >= self._stuck.share.take(tick)) & (not self._parks)
        return _Tries(tries.call[at], tick, at_s, luck, tries.bad[at], tied, pause)

    def _lasts(self, outcome: Ints, tick: Ints) -> Floats:
        lasts = self._lasts_s[outcome]
        return np.where(np.isnan(lasts), self._answer_s.take(tick), lasts)

    def _ticks(self, at_s: Floats) -> Ints:
        return np.minimum(at_s / self._history.tick_s, self._history.ticks - 1).astype(np.int64)
