"""When the fault itself was mended, as far as can be seen apart from what it set going.

Callers go on failing from their caches, and a loop may keep everything down for hours: that belongs to the recovery, so
the end of the users' trouble is the last thing to go by.
"""

from __future__ import annotations

from math import inf

from ..collector.model import Windows
from .base import Finding, last, stretch_of
from .episodes import episodes
from .grouping import LOOPS, Group
from .health_check_flapping import calmed_at
from .past import past_of
from .retry_storm import PERSIST_S
from .series import tally
from .shared_queue import DETECTOR as SHARED_QUEUE
from .shared_queue import calls_to
from .suspects import Suspect


def trigger_end(windows: Windows, group: Group, top: Suspect) -> float | None:
    """When the trigger ended, in Unix seconds; None while it lasts.

    By what lost its cache: at once. After a silence, by who started it anew. Of a balancer, by when its targets flip
    less. By its record, else a probe; by when others left its queue or it got room, else by that; by the calls that
    nobody got; by a loop that needs no trigger any more; by whatever else was seen of it; by the end of the incident.
    """
    if top.kind == "cache_loss":
        return min((f.started_at for f in top.findings), default=group.started_at) + windows.window_s
    if top.mended_at is not None:
        return top.mended_at
    flapping = [f for f in top.findings if f.kind == top.kind == "health_check_flapping"]
    if flapping:
        return calmed_at(windows, min(flapping, key=lambda f: f.started_at))
    for witness in ("record_race", "dns_answers"):
        ends = [f.ended_at for f in top.findings if f.detector == witness]
        if ends:
            return last(ends)
    queue = [f for f in top.findings if f.detector == "queueing"]
    if queue and top.how == "behind":
        left = [f.started_at for f in group.findings if f.detector == SHARED_QUEUE]
        return min(left) if left else last([f.ended_at for f in queue])
    if top.how in ("resolution", "unreached", "behind"):
        lost = _lost_until(windows, group, top)
        if lost is not None:
            return lost
    loop = _own_loop(group, top)
    if loop is not None and top.kind in ("overload", "slow"):
        # What holds by itself for so long needs what lit it no more.
        return min(loop.started_at + PERSIST_S, loop.until(windows.end))
    ends = [f.ended_at for f in top.findings if f.kind != "restart_herd"]
    return last(ends) if ends else group.ended_at


def _own_loop(group: Group, top: Suspect) -> Finding | None:
    """The first loop on the trigger's own component: users asked for no more, so the loop is its load."""
    loops = [f for f in group.findings if f.kind in LOOPS and f.component == top.component]
    return min(loops, key=lambda f: f.started_at, default=None)


def _lost_until(windows: Windows, group: Group, top: Suspect) -> float | None:
    """When calls were last lost on the way to the trigger, or to those whose failures it explains."""
    mine = calls_to(windows, top)
    if mine.empty:
        return None
    table = tally(windows, mine.assign(all=""), ("all",), ("lost", "attempts"))
    until = group.until(windows.end)
    past = past_of(windows, f"lost to {top.component}", ["all"])
    found = [stretch_of(windows, e.onset, e.end) for e in episodes(table["lost"], table["attempts"], past=past)]
    near = [s.ended_at for s in found if s.started_at < until and s.until(inf) > group.started_at]
    if not near:
        return None
    return min(near, key=lambda end: inf if end is None else end)
