"""Which of what went wrong with names and releases has to do with what users met: estates look up names in vain all day
long, and release something all the time.

A name that nobody calls whose users fail, a code that fits no look-up of theirs, and a service that is slow since its
release and that they do not lead to, happen to go wrong meanwhile: they neither date an incident nor keep it open, nor
say anything of its cause.
"""

from __future__ import annotations

from collections.abc import Sequence

from .base import Finding
from .codes import BY_SERVER, possible, within_zone
from .graph import Graph, closure
from .slow_release import DETECTOR as SLOW_RELEASE
from .suspects import overlaps
from .telemetry_silence import KIND as SILENCE

CODES = "dns_rcodes"


def belonging(graph: Graph, symptoms: Sequence[Finding], findings: list[Finding]) -> list[Finding]:
    """The findings without those of names, look-ups and slow releases that no user's failure leads to.

    All of them where nothing tells who calls whom, or a silence hides who fails.
    """
    met = {s.component for s in symptoms}
    nodes = {*graph.callees, *graph.callers}
    if not nodes or not met <= nodes or any(f.kind == SILENCE for f in findings):
        return findings
    reached = closure(graph.callees, met)
    labels = {node.partition(".")[0] for node in reached}
    named = [
        f
        for f in findings
        if f.kind.startswith("dns.")
        and f.detector != CODES
        and (f.component in reached if f.component in nodes else f.component.partition(".")[0] in labels)
    ]
    told = {f.component for f in named}
    lost = [f for f in findings if f.kind == "unreachable"]

    def belongs(finding: Finding) -> bool:
        if finding.detector == SLOW_RELEASE:
            return finding.component in reached
        if not finding.kind.startswith("dns."):
            return True
        if finding.detector != CODES:
            return finding.component in told
        return any(overlaps(f, finding.up_to(float("inf"))) for f in lost) or any(_fits(finding, f) for f in named)

    return [f for f in findings if belongs(f)]


def _fits(code: Finding, name: Finding) -> bool:
    """Whether a resolver may have given the code where the name failed."""
    during = name.up_to(float("inf"))
    mine = code.facts["counted"] in BY_SERVER or within_zone(name.component, code.component)
    return mine and overlaps(code, during) and str(code.facts["failure"]) in possible(str(name.facts["failure"]))
