"""What broke first: the node that most of the unexplained failures at the onset lead back to."""

from __future__ import annotations

from dataclasses import dataclass

from ..collector.model import Windows
from .analysis import Kind
from .base import Evidence, Finding
from .blame import Blamed, blame
from .dns_failures import KINDS
from .graph import Graph
from .queries import sql

HORIZON = 10
"""Windows after the onset that are asked who is to blame: enough calls to count, and early enough that
the first fault is still most of what there is to see. Nothing later can change the answer."""


@dataclass(frozen=True)
class Suspect:
    """One possible trigger.

    score: its share of the unexplained failures, 0..1.
    certainty: how sure the lists of evidence are of it, 0..1, before independent witnesses are counted.
    findings: what detectors saw of it; evidence: what blame itself saw.
    failure: DNS failure class, "" for a service.
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

    @property
    def witnesses(self) -> int:
        """Independent kinds of evidence that name it."""
        return 1 + len({finding.detector for finding in self.findings})


def suspects(windows: Windows, graph: Graph, findings: list[Finding], onset: float) -> list[Suspect]:
    """Rank what may have broken at `onset`, the likeliest first; at most ten."""
    during = (onset, min(onset + HORIZON * windows.window_s, float(windows.end)))
    blamed = blame(windows.calls, graph, (float(windows.start), onset), during)
    total = sum(b.failed for b in blamed)
    return [blamed_suspect(windows, b, b.failed / total, findings, during) for b in blamed[:10]]


def blamed_suspect(
    windows: Windows, b: Blamed, score: float, findings: list[Finding], during: tuple[float, float]
) -> Suspect:
    """A blamed node with what detectors saw of it."""
    own = tuple(f for f in findings if f.component == b.component and overlaps(f, during))
    failure = _dns_failure(b, own)
    return Suspect(
        component=b.component,
        service=b.service,
        kind=_kind(windows, b, failure, during),
        score=score,
        certainty=score,
        failed=b.failed,
        failure=failure,
        evidence=_evidence(b, during),
        findings=own,
    )


def overlaps(finding: Finding, during: tuple[float, float]) -> bool:
    """Whether what a detector saw went on at some time of the stretch."""
    return finding.started_at < during[1] and (finding.ended_at is None or finding.ended_at > during[0])


def _dns_failure(b: Blamed, findings: tuple[Finding, ...]) -> str:
    if b.how != "resolution":
        return ""
    said = b.failure.removeprefix("dns_")
    if said != "unspecified":
        return said
    told = [str(f.facts["failure"]) for f in findings if f.facts.get("failure", "unspecified") != "unspecified"]
    return told[0] if told else said


def _kind(windows: Windows, b: Blamed, failure: str, during: tuple[float, float]) -> Kind:
    if failure:
        return KINDS[failure]
    if b.how == "unreached":
        gone = b.answered < 0.5 * b.answered_before
        return "crash" if gone and b.failure == "connect" else "network_congestion" if gone else "unknown"
    if _released(windows, b.service, during[0]):
        return "bad_release"
    return "slow" if b.failure == "deadline" else "unknown"


def _released(windows: Windows, service: str, onset: float) -> bool:
    """Whether the service was deployed shortly before it began to fail."""
    changes = windows.changes
    recent = (changes["time"] > onset - HORIZON * windows.window_s) & (changes["time"] <= onset + windows.window_s)
    return bool(((changes["Kind"] == "deploy") & (changes["Target"] == service) & recent).any())


def _evidence(b: Blamed, during: tuple[float, float]) -> Evidence:
    how = {
        "resolution": "failed because its name could not be resolved",
        "unreached": "were answered by nobody",
        "answer": "failed in it, beyond what its own callees explain",
    }[b.how]
    column = "server" if b.how == "answer" else "peer"
    return Evidence(
        statement=f"{b.failed:,.0f} of {b.attempts:,.0f} calls to {b.component} {how}, "
        f"within {during[1] - during[0]:.0f} s of the onset",
        query=sql("calls", "client, server, peer, attempts, answered, errors", during, **{column: b.component}),
        window=during,
        observed=b.failed + b.usual,
        expected=b.usual,
    )


def nobody(windows: Windows, group_start: float, component: str) -> Suspect:
    """The suspect of an incident in which nothing stands out: the place where users met it, blamed for nothing."""
    during = (group_start, min(group_start + HORIZON * windows.window_s, float(windows.end)))
    evidence = Evidence(
        statement="no component stands out: the failures lead nowhere that the data shows",
        query=sql("calls", "client, server, peer, attempts, answered, errors", during),
        window=during,
        observed=0.0,
        expected=0.0,
    )
    return Suspect(component, component, "unknown", 0.0, 0.0, 0.0, "", evidence, ())
