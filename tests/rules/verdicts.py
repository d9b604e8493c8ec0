"""Verdicts made by hand, about an outage from second 1000 to 2000."""

from __future__ import annotations

from epicenter.rules.played import Firing
from epicenter.rules.verdicts import Judged, Kind, Verdict
from epicenter.synthetic.truth import Truth

OUTAGE = Truth(
    *("db", (), "dns", "cause", "nxdomain", True, True, (("web", "api"),)),
    storm_start=1400.0,
    storm_end=1800.0,
    trigger_start=1000.0,
    trigger_end=1400.0,
    incident=(1000.0, 2000.0),
    affected={"web": 1100.0},
    phases=(),
)


def fired(kind: Kind, start: float, end: float, severity: str = "critical") -> Judged:
    return Judged(kind, "", Firing({"severity": severity}, start, end, 1.0))


def verdict(name: str, kind: Kind, *firings: Judged, needs: tuple[str, ...] = (), still: bool = False) -> Verdict:
    return Verdict(
        *(name, "mine", "rules.yml", 4, 30.0, kind, False, needs, still),
        refused=None,
        to_detect_s=None,
        after_impact_s=None,
        flaps=0,
        firings=firings,
    )
