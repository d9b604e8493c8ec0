"""Which findings belong together: a trigger and all that follows up to the last recovery is one incident."""

from __future__ import annotations

from dataclasses import dataclass

from ..collector.model import Windows
from .analysis import SustainingKind
from .base import HORIZON, Finding, Stretch, last
from .gate import KIND as USERS_FAILED
from .suspects import overlaps
from .telemetry_silence import KIND as SILENCE
from .telemetry_silence import MOST

LEADING = frozenset({"record_race", "record_writers"})
"""Kinds that may come long before any harm, each told by the detector of that name from changes; they never stretch or
join incidents."""

FAILING = frozenset({"failure_spike", "unreachable"})
"""Kinds of symptoms behind those that users meet."""

LOOPS: tuple[SustainingKind, ...] = (
    "retry_storm",
    "restart_herd",
    "lease_collapse",
    "health_check_flapping",
    "cache_loss",
)
"""Kinds that keep going what something else began; they join what ended within the horizon before them.

Between two loops of one outage users may be well for minutes, or their failures too few among sampled traces.
"""


@dataclass(frozen=True)
class Group(Stretch):
    """One incident to be explained."""

    symptoms: tuple[Finding, ...]
    findings: tuple[Finding, ...]


def groups(windows: Windows, symptoms: list[Finding], findings: list[Finding]) -> list[Group]:
    """Join what overlaps or follows within one window, a loop within ten; only what users noticed is an incident."""
    harm = [f for f in findings if f.kind not in LEADING]
    clusters: list[list[Finding]] = []
    reach = float("-inf")
    for event in sorted([*symptoms, *harm], key=lambda e: (_since(windows, e), e.component)):
        if _since(windows, event) > reach:
            clusters.append([])
        clusters[-1].append(event)
        reach = max(reach, event.until(windows.end))
    joined = (_group(windows, cluster, findings) for cluster in clusters)
    return [group for group in joined if group is not None]


def _since(windows: Windows, event: Finding) -> float:
    """The moment since when nothing else may have gone wrong, if this event is to open an incident of its own."""
    return event.started_at - windows.window_s * (HORIZON if event.kind in LOOPS else 1)


def _group(windows: Windows, cluster: list[Finding], findings: list[Finding]) -> Group | None:
    # Where nothing can be seen and nothing scraped, it may be only the telemetry that broke; somebody has to look.
    # So it is where calls fail in the dark, and nothing tells of users.
    dark = [e for e in cluster if e.kind == SILENCE and (float(e.facts["down"]) > MOST or _unseen(windows, cluster, e))]
    symptoms = tuple(e for e in cluster if e.kind == USERS_FAILED) or tuple(dark)
    if not symptoms:
        return None
    # A fault can smoulder before users notice, but what began long before them is another story.
    noticed = min(s.started_at for s in symptoms)
    # In a silence nobody could, where nothing has told of users since it began.
    silences = (e.started_at for e in cluster if e.kind == SILENCE)
    noticed = min(
        (start for start in silences if start < noticed and _untold(windows, start, noticed)), default=noticed
    )
    earliest = noticed - HORIZON * windows.window_s
    started = min(e.started_at for e in cluster if e.started_at >= earliest)
    return group_of(windows, started, last(e.ended_at for e in cluster if e.started_at >= earliest), symptoms, findings)


def group_of(
    windows: Windows, started: float, ended: float | None, symptoms: tuple[Finding, ...], findings: list[Finding]
) -> Group:
    """The group of these symptoms, with what else was found while it lasted; started, ended: Unix seconds."""
    during = (started, windows.end if ended is None else ended)
    return Group(started, ended, symptoms, tuple(f for f in findings if overlaps(f, during)))


def _unseen(windows: Windows, cluster: list[Finding], silence: Finding) -> bool:
    """Whether something failed in a silence of which nobody tells how users fared."""
    until = silence.until(windows.end)
    failed = any(e.kind in FAILING and overlaps(e, (silence.started_at, until)) for e in cluster)
    return failed and _untold(windows, silence.started_at, until)


def _untold(windows: Windows, start: float, until: float) -> bool:
    """Whether nobody tells how users fared from `start` until before `until`."""
    entered = windows.calls["window"][windows.calls["entries"] > 0]
    return not bool(entered.between(start, until, inclusive="left").any())
