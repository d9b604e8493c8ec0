"""One world's pages: how soon the first came, how many named the cause, and which stretches of the outage they told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..synthetic.truth import Truth
from .verdicts import Judged, Kind, Verdict

PAGING = ("", "page", "critical")
"""Values of `severity` that wake somebody; an alert without that label does too (assumed)."""
PhaseName = Literal["trigger", "cascade", "loop", "recovery"]
TELLS: dict[PhaseName, tuple[Kind, ...]] = {
    "trigger": ("cause",),
    "cascade": ("cause", "symptom"),
    "loop": ("loop",),
    "recovery": ("cause", "symptom", "loop"),
}
"""Phase -> kinds of firings that tell of it."""


@dataclass(frozen=True)
class Coverage:
    """A phase of the outage in Unix seconds, and the share of it, 0 to 1, in which a fitting alert fired."""

    phase: PhaseName
    start: float
    end: float
    share: float


@dataclass(frozen=True)
class Pages:
    """The pages of one world, each a firing that pages for one label set, before any grouping by Alertmanager.

    Of alerts of one name and the same labels those that overlap are one page, as they are one alert to Alertmanager.

    outage: those that began between the onset and the end of its windows, to which all below refers.
    first_s, cause_s: from the onset to the first page, and to the first on the cause; good to one interval.
    on_cause: share of `outage` on the cause, 0 to 1; before_cause: pages before the first on the cause. None where
    there is nothing to count.
    """

    outage: int
    false_alarms: int
    first_s: float | None
    cause_s: float | None
    on_cause: float | None
    before_cause: int | None


def pages_of(verdicts: Sequence[Verdict], truth: Truth) -> Pages:
    """Count the pages of a world."""
    paging = [one for one in told_once(verdicts) if _pages(one)]
    outage = [one for one in paging if one.kind not in ("early", "false_alarm")]
    starts = [one.firing.start for one in outage]
    causes = [one.firing.start for one in outage if one.kind == "cause"]
    onset = truth.trigger_start
    return Pages(
        outage=len(outage),
        false_alarms=sum(one.kind == "false_alarm" for one in paging),
        first_s=starts[0] - onset if starts and onset is not None else None,
        cause_s=causes[0] - onset if causes and onset is not None else None,
        on_cause=len(causes) / len(outage) if outage else None,
        before_cause=sum(at < causes[0] for at in starts) if causes else None,
    )


def coverage_of(verdicts: Sequence[Verdict], truth: Truth, end: float) -> tuple[Coverage, ...]:
    """How much of each phase was told of; `end` of the world in Unix seconds closes what lasts until then.

    A firing lasts from its first evaluation to one interval after its last.
    """
    found: list[Coverage] = []
    for phase, start, until in _phases(truth, end):
        stretches = [
            (max(one.firing.start, start), min(one.firing.end + interval_s, until))
            for interval_s, one in _firings(verdicts)
            if one.kind in TELLS[phase]
        ]
        found.append(Coverage(phase, start, until, _covered(stretches) / (until - start)))
    return tuple(found)


def _phases(truth: Truth, end: float) -> Iterator[tuple[PhaseName, float, float]]:
    """Trigger and loop as they were; the cascade while services fail in it; recovery from when neither drives it."""
    if truth.trigger_start is None:
        return
    over = min(truth.span[1], end)
    trigger_end = end if truth.trigger_end is None else truth.trigger_end
    stretches: list[tuple[PhaseName, float, float]] = [("trigger", truth.trigger_start, trigger_end)]
    driven = trigger_end
    if truth.affected:
        stretches.append(("cascade", min(truth.affected.values()), over))
    if truth.storm_start is not None:
        storm_end = end if truth.storm_end is None else truth.storm_end
        driven = max(driven, storm_end)
        stretches.append(("loop", truth.storm_start, storm_end))
    stretches.append(("recovery", driven, over))
    for phase, start, until in stretches:
        if start < until:
            yield phase, start, until


def _covered(stretches: Iterable[tuple[float, float]]) -> float:
    """Seconds in any of the stretches; one that ends before it starts counts for nothing.

    >>> _covered([(0.0, 30.0), (20.0, 40.0), (60.0, 50.0)])
    40.0
    """
    total, reached = 0.0, float("-inf")
    for start, end in sorted(stretches):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def told_once(verdicts: Iterable[Verdict]) -> Iterator[Judged]:
    """In order of time; what fires under a name and labels that fire already is no news, as Alertmanager has it.

    A firing lasts to one interval after its last evaluation: no sooner is it seen that it ceased.
    """
    firings = sorted(
        ((one, verdict) for verdict in verdicts for one in verdict.firings), key=lambda pair: pair[0].firing.start
    )
    lasts: dict[tuple[object, ...], float] = {}
    for one, verdict in firings:
        key = (verdict.name, *sorted(one.firing.labels.items()))
        if one.firing.start > lasts.get(key, float("-inf")):
            yield one
        until = one.firing.end + verdict.interval_s
        lasts[key] = max(lasts.get(key, until), until)


def _firings(verdicts: Iterable[Verdict]) -> Iterator[tuple[float, Judged]]:
    return ((verdict.interval_s, one) for verdict in verdicts for one in verdict.firings)


def _pages(one: Judged) -> bool:
    return one.firing.labels.get("severity", "").lower() in PAGING
