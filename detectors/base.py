"""What a detector is: a pure function from windows to findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from ..collector.model import Windows

HORIZON = 10
"""Windows after the onset that are asked who is to blame: enough calls to count, and early enough that
the first fault is still most of what there is to see. Nothing later can change the answer."""

MOSTLY = 0.5
"""What more than half of a count is, is what it mostly is."""

ALIKE = 0.5
"""Of two shares the lesser is like the greater from half of it on: what they have in common strikes both alike. What
fails less often has a reason of its own, or none."""


@dataclass(frozen=True)
class Evidence:
    """One observed fact behind a finding.

    statement: a sentence a person can check, with the number in it.
    query: how to see it again: PromQL, or SQL over `calls` / `signals` / `changes` / `texts`.
    window: from, to in Unix seconds.
    observed, expected: the number seen and the number that history or peers led one to expect.
    traces: ids of example traces, few.
    """

    statement: str
    query: str
    window: tuple[float, float]
    observed: float
    expected: float
    traces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stretch:
    """From when to when something lasted, in Unix seconds; ended_at is None while it lasts at the end of the data."""

    started_at: float
    ended_at: float | None

    def until(self, end: float) -> float:
        """When it ended, or `end` of the data while it lasts; Unix seconds."""
        return float(end if self.ended_at is None else self.ended_at)

    def up_to(self, end: float) -> tuple[float, float]:
        """From when to when as far as the data goes, which ends at `end`; Unix seconds."""
        return self.started_at, self.until(end)


def last(ends: Iterable[float | None]) -> float | None:
    """The last end of several stretches, of which there is one at the least; None while one of them lasts."""
    known = list(ends)
    return None if None in known else max(end for end in known if end is not None)


def stretch_of(windows: Windows, first: int, after: int | None) -> Stretch:
    """The windows from number `first` until before `after`; None where it lasts."""
    end = None if after is None else float(windows.start + after * windows.window_s)
    return Stretch(float(windows.start + first * windows.window_s), end)


@dataclass(frozen=True, kw_only=True)
class Finding(Stretch):
    """One thing that one detector saw.

    kind: what it is, one of the analysis's kinds ("dns.empty_record", "retry_storm", …) or a
        symptom ("failure_spike", "latency_spike") or a sign before any harm ("record_race", "record_writers").
    component: the node it is about: a service, a host name, a resource.
    score: strength in 0..1, comparable within one detector only.
    edges: the (caller, callee) pairs concerned.
    facts: numbers and words that later stages need, by name ("failure", "amplification", …).
    """

    detector: str
    kind: str
    component: str
    score: float
    evidence: tuple[Evidence, ...]
    edges: tuple[tuple[str, str], ...] = ()
    facts: dict[str, float | str] = field(default_factory=dict[str, float | str])


class Detector(Protocol):
    """The extension point; a plain function fits.

    It must not read a clock, a file or the network, must not keep state between calls, and
    must return the same findings for the same windows whatever the order of their rows.
    """

    def __call__(self, windows: Windows) -> list[Finding]:
        """Return what stands out in `windows`, ordered by start and component; nothing stands out: an empty list."""
        ...
