"""One possible trigger, with what speaks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from .analysis import Kind
from .base import Evidence, Finding

RATHER = 0.51
"""Of what is just likelier than not, so that it is named, and not surely."""


@dataclass(frozen=True)
class Suspect:
    """One possible trigger.

    score: its share of the unexplained failures, 0..1.
    certainty: how sure the lists of evidence are of it, 0..1.
    findings: what detectors saw of it; evidence: what blame itself saw; codes: what resolvers tell of its name's zone.
    failure: DNS failure class or "stale", "" where its name is well.
    how: where the calls ended (`Blamed.how`), "behind" for what nobody calls, "" where no call failed.
    rate: failed calls above the usual, of all calls to it in the stretch.
    waited_s: how long its callers waited for nothing, on average; 0 where nobody measured it.
    explains: the components whose failures it takes over.
    onset: from when on it was judged, in Unix seconds, where that may not be the start of the incident.
    changes: what was changed as it began, and may be why; nothing tells that it is.
    mended_at: when it was started anew for good, in Unix seconds, where nothing but that tells of its end.
    """

    component: str
    service: str
    kind: Kind
    score: float
    certainty: float
    failed: float
    failure: str
    evidence: Evidence
    findings: tuple[Finding, ...]
    how: str = ""
    rate: float = 0.0
    waited_s: float = 0.0
    explains: tuple[str, ...] = ()
    onset: float | None = None
    mended_at: float | None = None
    codes: tuple[Finding, ...] = ()
    changes: tuple[Evidence, ...] = ()


def overlaps(finding: Finding, during: tuple[float, float]) -> bool:
    """Whether what a detector saw went on at some time of the stretch."""
    return finding.started_at < during[1] and finding.until(inf) > during[0]


def behind(
    component: str, kind: Kind, explained: Sequence[Suspect], findings: tuple[Finding, ...], evidence: Evidence
) -> Suspect:
    """What stands behind some suspects without being called, with all that they had failed."""
    share = sum(s.score for s in explained)
    return Suspect(
        component=component,
        service=component,
        kind=kind,
        score=share,
        certainty=share,
        failed=sum(s.failed for s in explained),
        failure="",
        evidence=evidence,
        findings=findings,
        how="behind",
        explains=tuple(s.component for s in explained),
    )
