"""When the fault itself was mended, as far as can be seen apart from what it set going.

Callers go on failing from their caches, and a loop may keep everything down for hours: that belongs to the recovery, so
the end of the users' trouble is the last thing to go by.
"""

from __future__ import annotations

from math import inf

from ..collector.model import DNS_CLASSES, Windows
from .base import Finding, stretch_of
from .episodes import episodes
from .graph import callees
from .grouping import LOOPS, Group
from .past import past_of
from .retry_storm import PERSIST_S
from .series import calls_over, tally
from .suspects import Suspect

LOST = ("connect", "other", *(f"dns_{name}" for name in DNS_CLASSES))
"""How calls fail that never reach anybody. Who is reached and drowns fails them by time-out, long after a network, a
name or a process is back."""


def trigger_end(windows: Windows, group: Group, top: Suspect) -> float | None:
    """When the trigger ended, in Unix seconds; None while it lasts.

    By what lost its cache: at once. After a silence, by who started it anew. By its record, else a probe; by its queue;
    by the calls that nobody got; by a loop that needs no trigger any more; by whatever else was seen of it; by the end
    of the incident.
    """
    if top.kind == "cache_loss":
        return min((f.started_at for f in top.findings), default=group.started_at) + windows.window_s
    if top.mended_at is not None:
        return top.mended_at
    for witness in ("record_race", "dns_answers", "queueing"):
        ends = [f.ended_at for f in top.findings if f.detector == witness]
        if ends and (witness != "queueing" or top.how == "behind"):
            return _last(ends)
    if top.how in ("resolution", "unreached", "behind"):
        lost = _lost_until(windows, group, top)
        if lost is not None:
            return lost
    loop = _own_loop(group, top)
    if loop is not None and top.kind in ("overload", "slow"):
        # What holds by itself for so long needs what lit it no more.
        return min(loop.started_at + PERSIST_S, loop.until(windows.end))
    ends = [f.ended_at for f in top.findings if f.kind != "restart_herd"]
    return _last(ends) if ends else group.ended_at


def _last(ends: list[float | None]) -> float | None:
    return None if None in ends else max(end for end in ends if end is not None)


def _own_loop(group: Group, top: Suspect) -> Finding | None:
    """The first loop on the trigger's own component: users asked for no more, so the loop is its load."""
    loops = [f for f in group.findings if f.kind in LOOPS and f.component == top.component]
    return min(loops, key=lambda f: f.started_at, default=None)


def _lost_until(windows: Windows, group: Group, top: Suspect) -> float | None:
    """When calls were last lost on the way to the trigger, or to those whose failures it explains."""
    names = sorted({top.component, top.service, *top.explains} - {""})
    edges = windows.edges
    callee = callees(windows)
    about = (edges.names["client"] != "") & (callee.isin(names) | edges.names["peer"].isin(names))
    errors = [f"errors_{name}" for name in LOST]
    mine = calls_over(windows, about, ["window", "server", "attempts", *errors])
    if mine.empty:
        return None
    lost = mine[errors].sum(axis=1).where(mine["server"] == "", 0)
    table = tally(windows, mine.assign(all="", lost=lost), ("all",), ("lost", "attempts"))
    until = group.until(windows.end)
    past = past_of(windows, f"lost to {top.component}", ["all"])
    found = [stretch_of(windows, e.onset, e.end) for e in episodes(table["lost"], table["attempts"], past=past)]
    near = [s.ended_at for s in found if s.started_at < until and s.until(inf) > group.started_at]
    if not near:
        return None
    return min(near, key=lambda end: inf if end is None else end)
