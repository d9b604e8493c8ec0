"""When the fault itself was mended, as far as can be seen apart from what it set going.

Callers go on failing from their caches, and a loop may keep everything down for hours: that belongs to the recovery, so
the end of the users' trouble is the last thing to go by.
"""

from __future__ import annotations

from math import inf

from ..collector.model import Windows
from .base import last, stretch_of
from .episodes import episodes
from .grouping import LOOPS, Group
from .health_check_flapping import calmed_at
from .past import past_of
from .relief import lit_until
from .retry_storm import PERSIST_S
from .series import tally
from .shared_queue import DETECTOR as SHARED_QUEUE
from .shared_queue import calls_to
from .suspects import Suspect


def trigger_end(windows: Windows, group: Group, top: Suspect) -> float | None:
    """When the trigger ended, in Unix seconds; None while it lasts.

    By what lost its cache: at once. After a silence, by who started it anew. Of a balancer, by when its targets flip
    less. By its record, else a probe; by when others left its queue or it got room, else by that; by the calls that
    nobody got; by a loop that is seen to need no trigger any more; by whatever else was seen of it; by the end of the
    incident.
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
    if top.kind in ("overload", "slow"):
        lit = _own_loops_lit_until(windows, group, top)
        if lit is not None:
            return lit
    ends = [f.ended_at for f in top.findings if f.kind != "restart_herd"]
    return last(ends) if ends else group.ended_at


def _own_loops_lit_until(windows: Windows, group: Group, top: Suspect) -> float | None:
    """By when the loops on the trigger's own component needed it no more; None where nothing shows that they ever did.

    What asks a callee again because it is slow is no sign that the callee is well, so of a storm something else has to
    show it. Other loops are loads of their own: who only waits makes no new requests, starts nothing and loses nothing.
    """
    loops = [f for f in group.findings if f.kind in LOOPS and f.component == top.component]
    others = [f for f in loops if f.kind != "retry_storm"]
    if others:
        first = min(others, key=lambda f: f.started_at)
        # What holds by itself for so long needs what lit it no more.
        return min(first.started_at + PERSIST_S, first.until(windows.end))
    return lit_until(windows, loops) if loops else None


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
