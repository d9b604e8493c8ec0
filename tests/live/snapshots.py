"""States of the server made by hand, from the analyses that the report is tested with."""

from __future__ import annotations

from msgspec.structs import replace

from epicenter.detectors.analysis import BlindSpot, Incident
from epicenter.live.feed import Snapshot, Tracked
from tests.report.example_analyses import GOING_ON, INCIDENT, SMALLER, pdt

RUNNING = GOING_ON.incidents[0]
BLIND = BlindSpot(component="checkout", statement="Its calls are not recorded; client spans would settle it.")


def tracked(incident: Incident, name: str = "i1", closed_at: float | None = None) -> Tracked:
    return Tracked(name, incident, pdt("03:00"), closed_at)


EARLY = replace(
    RUNNING,
    trigger=replace(RUNNING.trigger, ended_at=None),
    cascade=RUNNING.cascade[:2],
    sustaining=(),
    phases=(replace(RUNNING.phases[0], ended_at=None),),
    updates=(),
)
"""The outage as it begins: two symptoms, no loop yet."""

OVER = tracked(INCIDENT, closed_at=pdt("14:00"))
OTHER = tracked(replace(SMALLER, started_at=pdt("10:00"), ended_at=None), "i2")


def at(time: float, *open_: Tracked, past: tuple[Tracked, ...] = (), blind: tuple[BlindSpot, ...] = ()) -> Snapshot:
    return Snapshot(time, 60, open_, past, blind)


CALM = at(pdt("23:40"), blind=(BLIND,))
BEGUN = at(pdt("00:10"), tracked(EARLY), blind=(BLIND,))
GROWN = at(pdt("11:00"), tracked(RUNNING), OTHER, blind=(BLIND,))
PAST = at(pdt("20:30"), past=(OVER,))
STATES = {"calm": CALM, "begun": BEGUN, "grown": GROWN, "past": PAST}
