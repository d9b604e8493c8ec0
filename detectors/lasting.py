"""An outage that lasts longer than its windows can be kept: what was said last stands until users meet no more of it.

Without calm windows from before it, what is left teaches that failing is usual, and an analysis of it finds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from .analysis import Analysis, BlindSpot, Incident, costliest_first
from .base import HORIZON
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

    def has(self, other: Incident) -> bool:
        """Whether the other is a later part of it."""
        lasts = self.over is None or other.started_at < self.over
        return lasts and other.trigger.component == self.incident.trigger.component


class Lasting:
    """The incidents that go on though an analysis of what is kept no longer finds them. Times are Unix seconds."""

    def __init__(self, window_s: int) -> None:
        self._soon_s = HORIZON * window_s
        self._held: tuple[_Held, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether some incident is held."""
        return bool(self._held)

    def hold(self, told: Sequence[Incident], analysis: Analysis, since: float) -> None:
        """Hold those of `told` that were not over, began before `since` (from there on enough is kept) and are lost."""
        known = {(held.incident.started_at, held.incident.trigger.component) for held in self._held}
        begun = (one for one in told if one.ended_at is None and one.started_at < since)
        lost = (one for one in begun if not any(_told_by(other, one) for other in analysis.incidents))
        self._held += tuple(_Held(one) for one in lost if (one.started_at, one.trigger.component) not in known)

    def tell(self, over: float | None, now: float) -> None:
        """Users have met nothing since `over`; None: they do meet something, and what was over just before goes on."""
        self._held = tuple(replace(held, over=self._over(held, over, now)) for held in self._held)

    def settled(self, now: float) -> float:
        """When the last of those was over that do not come back any more; 0 where none is.

        What was before that would teach that failing is usual.
        """
        ends = (held.over for held in self._held if held.over is not None)
        return max((end for end in ends if now > end + self._soon_s), default=0.0)

    def forget(self, before: float) -> None:
        """Let go what was over before that."""
        self._held = tuple(held for held in self._held if held.over is None or held.over >= before)

    def joined(self, analysis: Analysis) -> Analysis:
        """The analysis with what is held, in place of what it still finds of the same."""
        held = [_ended(one.incident, one.over) for one in self._held]
        others = [one for one in analysis.incidents if not any(held.has(one) for held in self._held)]
        lasting = [one.trigger.component for one in held if one.ended_at is None]
        # what is told of them says why users fail from the beginning on
        spots = [spot for spot in analysis.blind_spots if not (lasting and SINCE_EVER in spot.statement)]
        spots += [BlindSpot(component=component, statement=_STATEMENT) for component in lasting]
        incidents = costliest_first([*held, *others])
        return msgspec.structs.replace(analysis, incidents=incidents, blind_spots=tuple(spots))

    def _over(self, held: _Held, over: float | None, now: float) -> float | None:
        if held.over is not None and now > held.over + self._soon_s:
            return held.over
        if over is None:
            return None
        end = max(over, held.incident.detected_at)
        return end if held.over is None else min(held.over, end)


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
        updates=tuple(sorted([*incident.updates, unaffected(at, trigger.evidence)], key=lambda post: post.at)),
    )
