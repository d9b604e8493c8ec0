"""What explains callees of whom nobody tells what they call: whatever broke by itself as they began to fail.

Who sends no spans and answers with errors may be the cause, or may need what is. That two things break at one moment is
less likely than that it needs the other, if that follows from no failure: a record that somebody emptied, a process
that died, a release, a cache that was emptied. It is named, and not surely.
"""

from __future__ import annotations

from dataclasses import replace

from ..collector.model import Windows
from .base import HORIZON, Finding
from .cusum import ENOUGH
from .dns_failures import AGAIN
from .graph import Graph
from .suspects import RATHER, Suspect, behind
from .ties import shown_before
from .way import LAG_S, near, touched

LEAST = 0.1
"""Of all that failed what broke by itself must have this share, or it may be chance."""


def broke_by_itself(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """What else failed as the first suspect did, of which nothing is known but that, and follows from no failure."""
    mute = _mute(windows, ranked)
    others = (s for s in ranked if s not in mute and s.failed >= ENOUGH and s.score >= LEAST)
    own = next((s for s in others if _follows_from_nothing(windows, s, onset)), None)
    if own is None:
        return None
    share = own.score + sum(s.score for s in mute)
    sure = max(own.certainty, min(RATHER, share))
    return replace(own, score=share, certainty=sure, explains=(*own.explains, *(s.component for s in mute)))


def emptied_cache(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """A cache that was lost and changed as the first suspect failed, of which nothing is known but that."""
    mute = _mute(windows, ranked)
    lost = [f for f in findings if f.kind == "cache_loss" and near(windows, f, onset, HORIZON * windows.window_s)]
    lost = [f for f in lost if touched(windows, f.component, onset) and not shown_before(windows, f)]
    if not mute or not lost:
        return None
    first = min(lost, key=lambda f: (f.started_at, f.component))
    found = behind(first.component, "cache_loss", mute, (first,), first.evidence[0])
    return replace(found, certainty=min(RATHER, found.certainty))


def _mute(windows: Windows, ranked: list[Suspect]) -> list[Suspect]:
    """Those who send no spans and of whose fault nothing is known, if the first suspect is one of them."""
    own = windows.edges.services
    mute = [s for s in ranked if s.how == "unreached" and s.kind == "unknown" and s.component not in own]
    return mute if ranked and ranked[0] in mute else []


def _follows_from_nothing(windows: Windows, suspect: Suspect, onset: float) -> bool:
    """Whether what ails it is known to be its own: it died, was released, or its record is told to be gone."""
    if suspect.kind in ("crash", "bad_release"):
        return True
    gone = (f for f in suspect.findings if "emptied_at" in f.facts or _unprobed(f))
    return suspect.how == "resolution" and any(near(windows, f, onset, LAG_S) for f in gone)


def _unprobed(finding: Finding) -> bool:
    return finding.detector == "dns_answers" and finding.facts["failure"] not in AGAIN
