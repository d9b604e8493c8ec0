"""The state machine of an alert: when it fires, given when its expression has a value.

Source: AlertingRule.Eval in Prometheus' rules/alerting.go (2.42); the oracle in the tests is promtool.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

_K = TypeVar("_K", bound=Hashable)


@dataclass
class States:
    """The evaluations at which an alert was pending, and at which it fired -> active since; in Unix seconds."""

    pending: dict[float, float] = field(default_factory=dict)
    firing: dict[float, float] = field(default_factory=dict)


@dataclass
class _Machine:
    """One label set of an alert: since when it is active, and since when it fires only because it is kept firing."""

    for_s: float
    keep_s: float
    since: float | None = None
    kept: float | None = None
    fires: bool = False

    def step(self, at: float, active: bool) -> bool:
        """One evaluation; whether it is pending or firing after it."""
        if active:
            self.since, self.kept = at if self.since is None else self.since, None
            self.fires = self.fires or at - self.since >= self.for_s
            return True
        if self.fires and self.keep_s > 0:
            self.kept = at if self.kept is None else self.kept
            self.fires = at - self.kept < self.keep_s
        else:
            self.fires = False
        if not self.fires:
            self.forget()
        return self.fires

    def forget(self) -> None:
        """As if it had never been active."""
        self.since, self.kept, self.fires = None, None, False


def states(
    active: Mapping[_K, Collection[float]], steps: Sequence[float], for_s: float, keep_s: float, limit: int = 0
) -> tuple[dict[_K, States], list[float]]:
    """What each label set of an alert was at each evaluation, and the evaluations that went over the group's limit.

    active: label set -> evaluations at which the expression had a value. Over the limit (0: none) the evaluation
    fails and all label sets are forgotten.
    """
    found = {key: States() for key in active}
    machines = {key: _Machine(for_s, keep_s) for key in active}
    over: list[float] = []
    for at in steps:
        told = [key for key, machine in machines.items() if machine.step(at, at in active[key])]
        if 0 < limit < len(told):
            over.append(at)
            for machine in machines.values():
                machine.forget()
            continue
        for key in told:
            machine = machines[key]
            assert machine.since is not None
            (found[key].firing if machine.fires else found[key].pending)[at] = machine.since
    return found, over


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
