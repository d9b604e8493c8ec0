"""Analyses made by hand: the outage of October 2025 by its published times, and the awkward ones."""

from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import pandas as pd
from msgspec.structs import replace

from epicenter.collector.model import CALLS, CHANGES, SIGNALS, Windows, empty
from epicenter.detectors.analysis import (
    Analysis,
    BlindSpot,
    CascadeStep,
    Deviation,
    Dns,
    EarlyWarning,
    Incident,
    Trigger,
)

FLAGSHIP = msgspec.json.decode(Path(__file__).with_name("flagship.json").read_bytes(), type=Analysis)
INCIDENT = FLAGSHIP.incidents[0]
NAME = INCIDENT.trigger.component

MIDNIGHT_PDT = 1760943600.0  # 2025-10-20 00:00 PDT


def pdt(clock: str) -> float:
    """Unix seconds of a clock time of the outage: from 23:00 on it was still the 19th."""
    hours, minutes = (int(part) for part in clock.split(":"))
    return MIDNIGHT_PDT + (hours - (24 if hours == 23 else 0)) * 3600 + minutes * 60


def analysis(*incidents: Incident, blind: tuple[BlindSpot, ...] = ()) -> Analysis:
    recording = replace(FLAGSHIP.recording, skipped=())
    return replace(FLAGSHIP, recording=recording, incidents=incidents, blind_spots=blind)


def flagship_windows() -> Windows:
    """Entry traffic whose failures rise and fall as they did, in windows of 60 s."""
    times = np.arange(int(pdt("23:00")), int(pdt("14:30")), 60)
    turns = ("23:47", "23:58", "02:25", "02:41", "05:30", "07:30", "09:30", "09:45", "13:50", "14:20")
    share = np.interp(times, [pdt(t) for t in turns], [0, 0.23, 0.20, 0.04, 0.05, 0.16, 0.15, 0.06, 0.02, 0])
    attempts = (300 + 40 * np.sin(times / 7000)).astype(int)
    calls = pd.DataFrame({column.name: [""] if column.type == "string" else [0] for column in CALLS})
    calls = calls.loc[[0] * len(times)].reset_index(drop=True)
    calls["window"], calls["server"] = times, "food-ordering"
    calls["attempts"] = calls["entries"] = attempts
    calls["errors"] = (attempts * share).astype(int)
    start, end = int(times[0]), int(times[-1]) + 60
    return Windows(window_s=60, start=start, end=end, calls=calls, signals=empty(SIGNALS), changes=empty(CHANGES))


NOTHING = analysis()
STRAYED = replace(
    NOTHING,
    deviations=(
        Deviation(
            component="search",
            service="search",
            score=1.0,
            statement="search accounts for 2.4 s of changed time",
            query="select 1",
        ),
    ),
)

WARNED = replace(
    NOTHING,
    warnings=(
        EarlyWarning(
            component="api.example",
            started_at=pdt("23:48"),
            ended_at=None,
            statement="writer-c put generation 111 back on api.example, over generation 145 of writer-a",
            query="select 2",
        ),
    ),
)

HELD = replace(FLAGSHIP, incidents=(replace(INCIDENT, retries=(INCIDENT.evidence[-1].id,)),))

NOBODY = Trigger(
    component="", service="", kind="unknown", started_at=pdt("23:48"), ended_at=None, confidence=0.0, evidence=()
)
UNKNOWN = analysis(
    replace(
        INCIDENT,
        verdict="unknown",
        trigger=NOBODY,
        dns=Dns(role="none", failure=None, names=()),
        cascade=(),
        sustaining=(),
        updates=(),
        evidence=INCIDENT.evidence[12:13],
    ),
    blind=(BlindSpot(component="checkout", statement="Its calls are not recorded; client spans would settle it."),),
)

SUSPECTED = analysis(
    replace(INCIDENT, verdict="unknown", ended_at=None, trigger=replace(INCIDENT.trigger, confidence=0.31)),
    blind=(BlindSpot(component="", statement="No change telemetry; deploy events would settle it."),),
)

GOING_ON = analysis(
    replace(
        INCIDENT,
        ended_at=None,
        cascade=tuple(replace(step, recovered_at=None) for step in INCIDENT.cascade),
        sustaining=(replace(INCIDENT.sustaining[0], ended_at=None), *INCIDENT.sustaining[1:]),
        phases=(*INCIDENT.phases[:2], replace(INCIDENT.phases[2], ended_at=None)),
    )
)

SMALLER = replace(
    INCIDENT,
    verdict="local",
    impact=12,
    trigger=replace(INCIDENT.trigger, component="pricing", service="pricing", kind="bad_release"),
    dns=Dns(role="innocent", failure=None, names=()),
    candidates=INCIDENT.candidates[:1],
    cascade=(),
    sustaining=(),
    updates=(),
)
TWO = analysis(INCIDENT, SMALLER)


def crowded(size: int) -> Analysis:
    """A cascade of `size` components with long names, all retrying at the first."""
    names = [NAME, *(f"team-{n:02d}-checkout-recommendation-gateway.production.svc.cluster.local" for n in range(size))]
    steps = tuple(
        CascadeStep(
            component=name,
            onset_at=pdt("23:48") + 20 * number,
            recovered_at=None,
            because_of=names[number // 4],
            path=(name, names[number // 4]),
            evidence=(),
        )
        for number, name in enumerate(names)
        if number
    )
    storm = replace(
        INCIDENT.sustaining[0], kind="retry_storm", component=NAME, edges=tuple((n, NAME) for n in names[1:])
    )
    return analysis(replace(INCIDENT, cascade=steps, sustaining=(storm, *INCIDENT.sustaining[1:])))


ATTACK = "<img src=x onerror=alert(1)>\"'&\x1b[2J\u202e"


def _attacked(value: object) -> object:
    """The same value with the attack before every text in it, but for those that name a kind or refer to evidence."""
    if isinstance(value, str):
        return ATTACK + value
    if isinstance(value, tuple):
        return tuple(_attacked(part) for part in value)
    if isinstance(value, msgspec.Struct):
        fixed = ("schema", "verdict", "kind", "role", "failure", "id", "evidence")
        return replace(
            value,
            **{
                name: _attacked(getattr(value, name))
                for name in value.__struct_fields__
                if name not in fixed or (isinstance(value, Incident) and name == "evidence")
            },
        )
    return value


HOSTILE = cast(Analysis, _attacked(FLAGSHIP))
