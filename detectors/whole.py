"""Whether what broke first explains what failed later: an outage may go on while something else begins.

A trigger is sought where an incident began. Of all that failed until its end, what leads to the trigger by dependency
follows from it, and so may what was asked for more because of it and could not bear that. What else failed on its own
account needs another cause: where that is more than half of all, the trigger is likelier not what users suffered from.
"""

from __future__ import annotations

from dataclasses import replace

from ..collector.model import Windows
from .base import HORIZON, MOSTLY, Finding
from .behind import LEAST_SHARE
from .blame import blame
from .blamed import Blamed
from .cause import blamed_suspect
from .graph import Graph, closure
from .grouping import Group
from .retry_storm import AMPLIFIED
from .suspects import Suspect

FAILING = ("failure_spike", "unreachable")
"""Kinds of findings of calls that fail."""

MOST = 10
"""Candidates that are told, as `suspects` has it."""


def held_to_all(windows: Windows, graph: Graph, group: Group, ranked: list[Suspect]) -> list[Suspect]:
    """The suspects, the first no surer than its share of all that failed from the start of the incident to its end.

    Where that is the lesser part, who failed apart from it stands next to it.
    """
    top = next(iter(ranked), None)
    if top is None:
        return ranked
    following = _following(graph, top)
    known_until = group.started_at + HORIZON * windows.window_s  # whatever failed by then was asked for the trigger
    later = [f for f in group.findings if f.kind in FAILING or f.kind.startswith("dns.")]
    if all(f.started_at < known_until or f.component in following for f in later):
        return ranked
    before = (float(windows.start), group.started_at)
    during = (group.started_at, group.until(windows.end))
    blamed = blame(windows, graph, before, during)
    failed = sum(b.felt for b in blamed)
    if not failed:
        return ranked
    apart = [
        b for b in blamed if following.isdisjoint({b.component, b.service} - {""}) and not _drowned(b, before, during)
    ]
    share = 1.0 - sum(b.felt for b in apart) / failed
    first = replace(top, certainty=min(top.certainty, share))
    if share > MOSTLY:
        return [first, *ranked[1:]]
    found = list(group.findings)
    told = [b for b in apart if b.felt >= LEAST_SHARE * failed]
    # what came second ranks no higher than what came first
    shares = (min(b.felt / failed, top.score) for b in told)
    others = [blamed_suspect(windows, b, s, found, _own(b, found, during)) for b, s in zip(told, shares, strict=True)]
    names = {s.component for s in others}
    rest = [s for s in ranked[1:] if s.component not in names]
    return [first, *sorted((*others, *rest), key=lambda s: (-s.score, s.component))][:MOST]


def _following(graph: Graph, top: Suspect) -> set[str]:
    """The trigger and what it explains, who depends on these, and who answers by a shared name that fails for it."""
    mine = {top.component, top.service, *top.explains} - {""}
    behind = {node for name in top.explains if not graph.service(name) for node in graph.callees.get(name, ())}
    return closure(graph.callers, mine) | behind


def _drowned(blamed: Blamed, before: tuple[float, float], during: tuple[float, float]) -> bool:
    """Whether a node was asked for so much more that it may have failed by that. A name or a port fails by no load."""
    if blamed.how == "resolution" or blamed.failure == "connect":
        return False
    usual = blamed.attempts_before / max(before[1] - before[0], 1.0)
    return blamed.attempts / max(during[1] - during[0], 1.0) >= AMPLIFIED * usual


def _own(blamed: Blamed, findings: list[Finding], during: tuple[float, float]) -> tuple[float, float]:
    """From when on a node is looked at: since it was first seen to fail."""
    starts = [f.started_at for f in findings if f.component in (blamed.component, blamed.service)]
    return max(during[0], min(starts, default=during[0])), during[1]
