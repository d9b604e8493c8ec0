"""The sequential test behind episodes, as it runs over series a window at a time.

A two-sided CUSUM of the binomial log likelihood ratio (Page, "Continuous inspection schemes",
Biometrika 41, 1954). It adds up weak evidence over many windows, fires at once on strong evidence,
knows how little a few calls prove, and dates a change to the window after its sum last stood at zero.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields, replace

import numpy as np

from .series import Flags, Floats, Indices

REST_RATE = 0.01
"""Nobody is woken for one failure in a hundred; a series without history is assumed to rest here."""

REST_WEIGHT = 5.0
"""Attempts that this assumption is worth: any real history outweighs it."""

LEAST_RISE = 0.05
"""The smallest rise that matters: one call in twenty, or twice the usual rate where that is more."""

CHRONIC = 0.5
"""What fails more often than it succeeds is how things are; there is nothing left to break."""

WORST, NEVER_QUITE = 0.9, 0.99
"""The highest rates that a quiet and a failing series are taken to have: at 1 the likelihood of one good call is 0."""

BACK = 0.5
"""Of an episode's own rate: what fails half as often as it did, or less, is on its way back."""

ALARM = float(np.log(1e4))
"""Sum of log likelihood ratios at which an episode opens or closes.

By Lorden (1971) a CUSUM at rest then runs 10,000 windows on average before it errs. At the rest
rate it takes six failures in a row, or fifty in a thousand calls.
"""

MOST_TELLING = float(np.log(max(2 * REST_RATE, REST_RATE + LEAST_RISE) / REST_RATE))
"""The most that one failure adds to the sum: what rests lowest tells most."""

ENOUGH = ALARM / MOST_TELLING
"""Failures of a series below which it cannot open an episode, however few calls it had: between five and six."""

IDLE = 20
"""Windows without a single call after which an episode counts as over: what is not called does not fail.

Callers that back off come back within minutes; the longest usual cap on a back-off is 5 minutes.
"""

LULL = IDLE
"""Windows after which an episode counts as over if at each moment since the first of them it was likelier that all is
well than that it fails: what is seldom called, and is used to some failures, would take hours to prove it. To all that
is known it fails no more than what is not called at all.
"""

WARM_UP = 3
"""Windows at the start of the data that only teach: what fails from the first second on is history."""

WARM_UP_ATTEMPTS, WARM_UP_MOST = 20, 10
"""A quiet series learns longer, until it has seen this many attempts, but no more than so many windows.

Twenty attempts show a chronic rate of 0.3 with a standard error of 0.1.
"""

STEADY = 10.0
"""Windows that "varies by no more than chance" is worth until the history of a series says otherwise."""


@dataclass(frozen=True)
class Episode:
    """One stretch of one series, in window numbers; `end` is None while it lasts.

    onset: first window that stood out; alarm: window in which that became certain; end: first
    window back to normal. failed, tried: what was counted in it; usual: the failure rate before.
    """

    series: int
    onset: int
    alarm: int
    end: int | None
    usual: float
    failed: float
    tried: float

    @property
    def rate(self) -> float:
        """The failure rate."""
        return self.failed / self.tried if self.tried else 0.0

    @property
    def excess(self) -> float:
        """Failures above the usual rate."""
        return max(0.0, self.failed - self.usual * self.tried)


@dataclass
class Running:
    """The test as it runs over series, a window at a time; series may join while it does.

    Arrays hold one value a series. window: the number of the next window; closed: the episodes that are over, as the
    running test dates them.
    """

    failed: Floats  # in quiet windows: the history
    tried: Floats
    rising: Floats  # the sum that opens an episode
    falling: Floats  # the sum that closes it
    onset: Floats
    back: Floats
    alarm: Floats
    bad_failed: Floats  # since the sum left zero, or in the episode
    bad_tried: Floats
    called: Floats  # the window after the last call
    spread: Floats  # squared residuals of the quiet windows, in units of what chance explains, and how many they are
    seen: Floats
    bad_spread: Floats
    bad_seen: Floats
    open: Flags
    window: int = 0
    closed: list[Episode] = field(default_factory=list[Episode])

    @classmethod
    def over(cls, series: int) -> Running:
        """So many series, of which nothing was seen so far."""
        zeros = [np.zeros(series) for _ in range(14)]
        return cls(*zeros, open=np.zeros(series, np.bool_))

    def join(self, series: int) -> None:
        """Let so many more series take part from the next window on, as if nobody had called them until then."""
        for name, values in self.arrays().items():
            setattr(self, name, np.concatenate((values, np.zeros(series, values.dtype))))

    def step(self, failed: Floats, tried: Floats) -> None:
        """Take in the next window; [series] each."""
        _step(self, failed, tried, self.window)
        self.window += 1

    def going_on(self) -> list[Episode]:
        """The episodes that are not over."""
        return [_episode(self, int(index), None) for index in np.flatnonzero(self.open)]

    @property
    def series(self) -> int:
        """How many series there are."""
        return len(self.open)

    def picked(self, series: Indices) -> Running:
        """A run of its own over some of the series, in that order."""
        arrays = {name: values[series] for name, values in self.arrays().items()}
        places = {int(at): place for place, at in enumerate(series)}
        closed = [replace(e, series=places[e.series]) for e in self.closed if e.series in places]
        return Running(**arrays, window=self.window, closed=closed)

    def beside(self, other: Running) -> Running:
        """A run of its own over the series of both, which are at the same window."""
        others = other.arrays()
        arrays = {name: np.concatenate((values, others[name])) for name, values in self.arrays().items()}
        closed = [*self.closed, *(replace(e, series=self.series + e.series) for e in other.closed)]
        return Running(**arrays, window=self.window, closed=closed)

    def __copy__(self) -> Running:
        """A run of its own that goes on from here."""
        copies = {name: values.copy() for name, values in self.arrays().items()}
        return Running(**copies, window=self.window, closed=copy(self.closed))

    def arrays(self) -> dict[str, np.ndarray]:
        """What is known of each series, by name."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _usual(state: Running) -> Floats:
    return np.maximum((state.failed + REST_RATE * REST_WEIGHT) / (state.tried + REST_WEIGHT), REST_RATE)


def _dispersion(state: Running) -> Floats:
    """How much more a series varies from window to window than chance explains, at least 1.

    What always fails in bursts proves little by another burst: the quasi-likelihood of McCullagh and Nelder,
    "Generalized Linear Models" (1989), 4.5, with Pearson's estimate.
    """
    return np.maximum(1.0, (state.spread + STEADY) / (state.seen + STEADY))


def _step(state: Running, failed: Floats, tried: Floats, window: int) -> None:
    """Take in a window. Most series are quiet in most windows, and what only others need is left out then."""
    learning = _learning(state, window)
    usual = _usual(state)
    chance = np.minimum(usual, WORST)
    ratio = _ratio(state, failed, tried, chance)
    ratio[usual > CHRONIC] = 0.0
    ratio[learning] = 0.0
    _note_spread(state, failed, tried, chance, learning)
    at_rest = state.rising == 0
    np.copyto(state.onset, window, where=at_rest & ~state.open)
    np.copyto(state.rising, np.maximum(0.0, state.rising + ratio), where=~state.open)
    state.bad_failed += failed
    state.bad_tried += tried
    np.copyto(state.called, window + 1, where=tried > 0)
    if state.open.any():
        _close(state, ratio, window)
    _open(state, window)
    _learn(state)


def _learning(state: Running, window: int) -> Flags | bool:
    if window >= WARM_UP_MOST:
        return False
    return (window < WARM_UP) | (state.tried < WARM_UP_ATTEMPTS)


def _note_spread(state: Running, failed: Floats, tried: Floats, usual: Floats, learning: Flags | bool) -> None:
    expected = tried * usual
    chance = expected * (1 - usual)
    told = (chance > 0) & ~np.asarray(learning)
    state.bad_spread += np.divide((failed - expected) ** 2, chance, out=np.zeros_like(chance), where=told)
    state.bad_seen += told


def _ratio(state: Running, failed: Floats, tried: Floats, usual: Floats) -> Floats:
    """How much likelier this window is in a failing series than in a quiet one, as a logarithm."""
    bad = np.maximum(2 * usual, usual + LEAST_RISE)
    if state.open.any():
        # While an episode lasts, "back to normal" is weighed against half of its own rate: the worse
        # it was, the fewer good calls prove that it is over.
        own = BACK * state.bad_failed / np.maximum(state.bad_tried, 1.0)
        np.maximum(bad, own, out=bad, where=state.open)
    np.minimum(bad, NEVER_QUITE, out=bad)
    ratio = failed * np.log(bad / usual) + (tried - failed) * np.log((1 - bad) / (1 - usual))
    return ratio / _dispersion(state)


def _learn(state: Running) -> None:
    """Windows under suspicion count as history only once they have proved harmless; to leave them out for good would
    make history look better than it was."""
    quiet = (state.rising == 0) & ~state.open
    for known, news in (
        (state.failed, state.bad_failed),
        (state.tried, state.bad_tried),
        (state.spread, state.bad_spread),
        (state.seen, state.bad_seen),
    ):
        np.add(known, news, out=known, where=quiet)
        news[quiet] = 0.0
    state.bad_spread[state.open] = 0.0
    state.bad_seen[state.open] = 0.0


def _open(state: Running, window: int) -> None:
    alarmed = (state.rising > ALARM) & ~state.open
    if alarmed.any():
        state.alarm[alarmed] = window
        state.open |= alarmed
        state.falling[alarmed] = 0.0


def _close(state: Running, ratio: Floats, window: int) -> None:
    state.back[state.open & (state.falling == 0)] = window
    state.falling = np.where(state.open, np.maximum(0.0, state.falling - ratio), 0.0)
    idle = window - state.called >= IDLE
    lull = (state.falling > 0) & (window - state.back >= LULL)
    done = state.open & ((state.falling > ALARM) | lull | idle)
    if done.any():
        back = np.where(idle, np.minimum(state.called, state.back), state.back)
        state.closed.extend(_episode(state, int(index), int(back[index])) for index in np.flatnonzero(done))
        state.open &= ~done
        for values in (state.rising, state.bad_failed, state.bad_tried):
            values[done] = 0.0


def _episode(state: Running, index: int, end: int | None) -> Episode:
    """An episode as the running test knows it; `_dated` fills in what was counted in it."""
    onset, alarm = int(state.onset[index]), int(state.alarm[index])
    return Episode(index, onset, alarm, end, usual=float(_usual(state)[index]), failed=0.0, tried=0.0)
