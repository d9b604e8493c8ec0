"""An outage that lasts longer than its windows can be kept: what was said last stands until users meet no more of it.

Without calm windows from before it, what is left teaches that failing is usual, and an analysis of it finds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import msgspec

from .analysis import Analysis, BlindSpot, Incident
from .base import HORIZON

_STATEMENT = (
    "The outage has lasted longer than windows are kept: its cause and its loops are told as they were known before "
    "its beginning was let go; more windows, or more rows of calls, would settle it."
)


@dataclass(frozen=True)
class _Held:
    """An incident as it was told last, and when it was over, in Unix seconds."""

    incident: Incident
    over: float | None = None


class Lasting:
    """The incidents whose beginning is let go. Times are Unix seconds."""

    def __init__(self, window_s: int) -> None:
        self._again_s = HORIZON * window_s
        self._held: tuple[_Held, ...] = ()

    def take(self, incidents: Sequence[Incident], since: float) -> None:
        """Hold those that go on and began before `since`: too little from before them is kept."""
        known = {held.incident.started_at for held in self._held}
        begun = (one for one in incidents if one.ended_at is None and one.started_at < since)
        self._held += tuple(_Held(one) for one in begun if one.started_at not in known)

    def tell(self, fails: bool, at: float) -> None:
        """Whether users fail from `at` on: where they do not, it is over, unless they soon do again."""
        self._held = tuple(self._told(held, fails, at) for held in self._held)

    def forget(self, before: float) -> None:
        """Let go what was over before that."""
        self._held = tuple(held for held in self._held if held.over is None or held.over >= before)

    def joined(self, analysis: Analysis) -> Analysis:
        """The analysis with what is held in place of all that it says of the same time."""
        if not self._held:
            return analysis
        held = tuple(_ended(one.incident, one.over) for one in self._held)
        over = max(inf if one.over is None else one.over for one in self._held)
        later = tuple(one for one in analysis.incidents if one.started_at > over)
        spots = tuple(BlindSpot(component=one.trigger.component, statement=_STATEMENT) for one in held)
        return msgspec.structs.replace(analysis, incidents=(*held, *later), blind_spots=(*analysis.blind_spots, *spots))

    def _told(self, held: _Held, fails: bool, at: float) -> _Held:
        if not fails:
            return held if held.over is not None else replace(held, over=at)
        again = held.over is not None and at <= held.over + self._again_s
        return replace(held, over=None) if again else held


def _ended(incident: Incident, at: float | None) -> Incident:
    """The incident with its end, at which all was over that had no other."""
    if at is None:
        return incident
    ends = msgspec.structs.replace
    return ends(
        incident,
        ended_at=at,
        trigger=incident.trigger if incident.trigger.ended_at is not None else ends(incident.trigger, ended_at=at),
        cascade=tuple(s if s.recovered_at is not None else ends(s, recovered_at=at) for s in incident.cascade),
        sustaining=tuple(s if s.ended_at is not None else ends(s, ended_at=at) for s in incident.sustaining),
        phases=tuple(p if p.ended_at is not None else ends(p, ended_at=at) for p in incident.phases),
    )
