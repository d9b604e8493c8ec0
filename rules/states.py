"""The state machine of an alert: when it fires, given when its expression has a value.

Source: AlertingRule.Eval in Prometheus' rules/alerting.go (2.42); the oracle in the tests is promtool.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)


@dataclass
class States:
    """The evaluations at which an alert was pending, and at which it fired -> active since; in Unix seconds."""

    pending: dict[float, float] = field(default_factory=dict)
    firing: dict[float, float] = field(default_factory=dict)


@dataclass
class _Machine:
    """One label set of an alert: since when it is active, and since when it fires only because it is kept firing."""

    since: float
    kept: float | None = None
    fires: bool = False

    def step(self, at: float, active: bool, for_s: float, keep_s: float) -> bool:
        """One evaluation; whether it is pending or firing after it."""
        if active:
            self.kept = None
            self.fires = self.fires or at - self.since >= for_s
            return True
        if self.fires and keep_s > 0:
            self.kept = at if self.kept is None else self.kept
            self.fires = at - self.kept < keep_s
        else:
            self.fires = False
        return self.fires


@dataclass
class Machines(Generic[_K]):
    """An alert, evaluation by evaluation, for all of its label sets.

    found: what each was; over: the evaluations that went over the group's limit (0: none), in Unix seconds.
    """

    for_s: float
    keep_s: float
    limit: int = 0
    found: dict[_K, States] = field(default_factory=dict)
    over: list[float] = field(default_factory=list)
    _live: dict[_K, _Machine] = field(default_factory=dict)

    def step(self, at: float, active: Collection[_K]) -> dict[_K, bool] | None:
        """Those that are pending or firing after it -> whether they fire; None over the limit.

        There the evaluation fails, and all label sets are forgotten.
        """
        for key in active:
            if key not in self._live:
                self._live[key] = _Machine(at)
        live = self._live.items()
        self._live = {key: machine for key, machine in live if machine.step(at, key in active, self.for_s, self.keep_s)}
        if 0 < self.limit < len(self._live):
            self.over.append(at)
            self._live = {}
            return None
        for key, machine in self._live.items():
            states = self.found.setdefault(key, States())
            (states.firing if machine.fires else states.pending)[at] = machine.since
        return {key: machine.fires for key, machine in self._live.items()}


def states(
    active: Mapping[_K, Collection[float]], steps: Sequence[float], for_s: float, keep_s: float, limit: int = 0
) -> Machines[_K]:
    """What each label set of an alert was at each evaluation.

    active: label set -> evaluations at which the expression had a value.
    """
    by_time: dict[float, set[_K]] = {}
    for key, times in active.items():
        for at in times:
            by_time.setdefault(at, set()).add(key)
    machines: Machines[_K] = Machines(for_s, keep_s, limit)
    for at in steps:
        machines.step(at, by_time.get(at, set()))
    return machines


def stretches(times: Iterable[float], step_s: float) -> list[tuple[float, float]]:
    """First and last of each unbroken run of evaluations.

    >>> stretches([0.0, 30.0, 120.0], 30.0)
    [(0.0, 30.0), (120.0, 120.0)]
    """
    found: list[tuple[float, float]] = []
    for at in times:
        if found and at - found[-1][1] <= step_s + 1e-6:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found
