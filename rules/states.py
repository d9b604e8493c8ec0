"""The state machine of an alert: when it fires, given when its expression has a value.

Source: AlertingRule.Eval in Prometheus' rules/alerting.go (2.42); the oracle in the tests is promtool.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class States:
    """Unix seconds of the evaluations at which an alert was pending, and at which it fired."""

    pending: tuple[float, ...]
    firing: tuple[float, ...]


def states(active: Collection[float], steps: Sequence[float], for_s: float, keep_s: float) -> States:
    """What an alert of one label set was at each evaluation; `active` are those at which its expression had a value."""
    pending: list[float] = []
    firing: list[float] = []
    since: float | None = None
    kept: float | None = None
    fires = False
    for at in steps:
        if at in active:
            since, kept = at if since is None else since, None
            fires = fires or at - since >= for_s
        elif fires and keep_s > 0:
            kept = at if kept is None else kept
            fires = at - kept < keep_s
        else:
            fires = False
        if at not in active and not fires:
            since = kept = None
        else:
            (firing if fires else pending).append(at)
    return States(tuple(pending), tuple(firing))


def stretches(times: Sequence[float], step_s: float) -> list[tuple[float, float]]:
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
