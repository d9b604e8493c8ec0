"""What explains a callee of whom nobody tells what it calls: what broke by itself when it began to fail, or before.

Who sends no spans and answers with errors may be the cause, or may need what is. That two things break at one moment is
less likely than that it needs the other, if that follows from no failure: a process that died, a release, a record that
somebody emptied. It is named, and not surely.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..collector.model import Windows
from .base import ALIKE, HORIZON, Finding
from .cusum import ENOUGH
from .dns_failures import AGAIN
from .graph import Graph
from .kinds import about, names_of
from .series import calls_over
from .servers import BEGUN
from .suspects import RATHER, Suspect
from .way import touched


def broke_by_itself(
    windows: Windows, graph: Graph, ranked: list[Suspect], findings: list[Finding], onset: float
) -> Suspect | None:
    """What else failed as the first suspect did, of which nothing is known but that, and follows from no failure.

    It has half as many failures or more, began no later, and does not depend on that one; and nobody changed that one.
    """
    if not ranked or not _mute(windows, ranked[0]):
        return None
    mute = ranked[0]
    if any(touched(windows, name, onset) for name in names_of(windows, mute)):
        return None
    since = _begun(windows, mute, onset)
    for own in ranked[1:]:
        enough = own.failed >= ENOUGH and own.score >= ALIKE * mute.score
        apart = not _mute(windows, own) and not graph.path(own.component, mute.component)
        if enough and apart and _broke_at(windows, own, onset) < since + windows.window_s:
            share = own.score + mute.score
            return replace(own, score=share, certainty=min(RATHER, share), explains=(*own.explains, mute.component))
    return None


def _mute(windows: Windows, suspect: Suspect) -> bool:
    """Whether it sends no spans, and nothing is known of its fault."""
    return suspect.how == "unreached" and suspect.kind == "unknown" and suspect.component not in windows.edges.services


def _broke_at(windows: Windows, suspect: Suspect, onset: float) -> float:
    """When it broke, in Unix seconds, if what ails it is known to be its own; else never.

    It died, was released, or its record is told to be gone, by a change or by probes.
    """
    if suspect.kind in ("crash", "bad_release"):
        return _begun(windows, suspect, onset)
    gone = (float(f.facts.get("emptied_at", f.started_at)) for f in suspect.findings if _shows_it_gone(f))
    return min(gone, default=np.inf) if suspect.how == "resolution" else np.inf


def _shows_it_gone(finding: Finding) -> bool:
    return "emptied_at" in finding.facts or (
        finding.detector == "dns_answers" and finding.facts["failure"] not in AGAIN
    )


def _begun(windows: Windows, suspect: Suspect, onset: float) -> float:
    """When calls to it began to fail, in Unix seconds: the first window with a quarter of what one has on average."""
    horizon_s = HORIZON * windows.window_s
    during = onset - horizon_s, onset + horizon_s
    rows = calls_over(windows, about(windows, suspect.component), ["window", "errors"], *during)
    counted = rows.groupby("window")["errors"].sum()
    failed = counted[counted.index >= onset] - counted[counted.index < onset].sum() / HORIZON
    failed = failed[(failed > 0) & (failed >= BEGUN * failed.mean())]
    return float(failed.index.min()) if len(failed) else np.inf
