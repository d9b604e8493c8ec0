"""An outage that lasts longer than its windows can be kept: what was said last stands until users meet no more of it.

Without calm windows from before it, what is left teaches that failing is usual, and an analysis of it finds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import msgspec

from .analysis import Analysis, BlindSpot, Incident
from .blind_spots import SINCE_EVER
from .updates import unaffected

_STATEMENT = (
    "The outage has lasted longer than windows are kept: its cause, its loops and how many requests failed are told as "
    "they were known before its beginning was let go; more rows of calls (windows.rows) would settle it."
)


@dataclass(frozen=True)
class _Held:
    """An incident as it was told last, and when it was over, in Unix seconds."""

    incident: Incident
    over: float | None = None


class Lasting:
    """The incidents that an analysis of what is kept no longer finds, though they go on. Times are Unix seconds."""

    def __init__(self) -> None:
        self._held: tuple[_Held, ...] = ()

    @property
    def over(self) -> float:
        """When the last of those that are over was; 0 where none is. What was before that teaches nothing of calm."""
        return max((held.over for held in self._held if held.over is not None), default=0.0)

    def hold(self, told: Sequence[Incident], analysis: Analysis, since: float) -> None:
        """Hold those of `told` that were not over, began before `since` (from there on enough is kept) and are lost."""
        known = {held.incident.started_at for held in self._held}
        begun = (one for one in told if one.ended_at is None and one.started_at < since)
        lost = (one for one in begun if not any(_told_by(other, one) for other in analysis.incidents))
        self._held += tuple(_Held(one) for one in lost if one.started_at not in known)

    def end(self, at: float) -> None:
        """Users have met nothing since `at`: what is held and lasted until then is over."""
        self._held = tuple(
            replace(held, over=max(at, held.incident.detected_at)) if held.over is None else held for held in self._held
        )

    def forget(self, before: float) -> None:
        """Let go what was over before that."""
        self._held = tuple(held for held in self._held if held.over is None or held.over >= before)

    def joined(self, analysis: Analysis, since: float) -> Analysis:
        """The analysis with what is held in place of what it says of the same time and has not enough to say it from.

        What began after `since` and elsewhere, it says as ever.
        """
        if not self._held:
            return analysis
        over = max(inf if held.over is None else held.over for held in self._held)
        known = {held.incident.trigger.component for held in self._held}
        later = tuple(
            one
            for one in analysis.incidents
            if one.started_at >= (over if one.trigger.component in known else min(over, since))
        )
        spots = [spot for spot in analysis.blind_spots if SINCE_EVER not in spot.statement]  # it is told why
        lasting = [held.incident.trigger.component for held in self._held if held.over is None]
        spots += [BlindSpot(component=component, statement=_STATEMENT) for component in lasting]
        held = tuple(_ended(one.incident, one.over) for one in self._held)
        return msgspec.structs.replace(analysis, incidents=(*held, *later), blind_spots=tuple(spots))


def _told_by(other: Incident, one: Incident) -> bool:
    """Whether it is the same with no less of its beginning: with little calm before it, the start moves on first."""
    return other.started_at <= one.started_at and other.trigger.component == one.trigger.component


def _ended(incident: Incident, at: float | None) -> Incident:
    """The incident with its end, at which all was over that had no other."""
    if at is None:
        return incident
    ends, trigger = msgspec.structs.replace, incident.trigger
    return ends(
        incident,
        ended_at=at,
        trigger=trigger if trigger.ended_at is not None else ends(trigger, ended_at=at),
        cascade=tuple(s if s.recovered_at is not None else ends(s, recovered_at=at) for s in incident.cascade),
        sustaining=tuple(s if s.ended_at is not None else ends(s, ended_at=at) for s in incident.sustaining),
        phases=tuple(p if p.ended_at is not None else ends(p, ended_at=at) for p in incident.phases),
        updates=(*incident.updates, unaffected(at, trigger.evidence)),
    )
