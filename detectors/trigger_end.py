"""When the fault itself was mended, as far as can be seen apart from what it set going.

Callers go on failing from their caches, and a loop may keep everything down for hours: that belongs to the recovery, so
the end of the users' trouble is the last thing to go by.
"""

from __future__ import annotations

from math import inf

from ..collector.model import Windows
from .base import Stretch, last, stretch_of
from .episodes import episodes
from .grouping import LOOPS, Group
from .health_check_flapping import calmed_at
from .past import past_of
from .relief import lit_until
from .retry_storm import PERSIST_S
from .series import tally
from .shared_queue import DETECTOR as SHARED_QUEUE
from .shared_queue import calls_to
from .slow_release import DETECTOR as SLOW_RELEASE
from .suspects import Suspect


def trigger_end(windows: Windows, group: Group, top: Suspect) -> float | None:
    """When the trigger ended, in Unix seconds; None while it lasts.

    By what lost its cache: at once. After a silence, by who started it anew. Of a release that made it slow, by when it
    is no more, since nothing else of it need end. Of a balancer, by when its targets flip less. By its record, else a
    probe; by when others left its queue or it got room, else by that; by the calls that nobody got; by a loop that is
    seen to need no trigger any more; by whatever else was seen of it, and by when its callers were last told of a
    failure, if it sends no spans itself; by the end of the incident.
    """
    if top.kind == "cache_loss":
        return min((f.started_at for f in top.findings), default=group.started_at) + windows.window_s
    if top.mended_at is not None:
        return top.mended_at
    slow = [f for f in group.findings if f.detector == SLOW_RELEASE and f.component in (top.component, top.service)]
    if slow and top.kind == "bad_release" and top.how != "answer":  # one that fails may be slow for a part of that
        return last(f.ended_at for f in slow)
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
        lost = [s.ended_at for s in _stretches_of(windows, group, top, "lost") if s.ended_at is not None]
        if lost:
            return min(lost)
    if top.kind in ("overload", "slow"):
        lit = _own_loops_lit_until(windows, group, top)
        if lit is not None:
            return lit
    ends = [f.ended_at for f in top.findings if f.kind != "restart_herd"]
    if top.how == "unreached":
        ends += [s.ended_at for s in _stretches_of(windows, group, top, "told")]
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


def _stretches_of(windows: Windows, group: Group, top: Suspect, how: str) -> list[Stretch]:
    """When calls to the trigger, or to those whose failures it explains, failed so during the incident.

    how: "lost" on the way, or "told" by an answer of which only the caller knows (`calls_to`).
    """
    mine = calls_to(windows, top)
    if mine.empty:
        return []
    table = tally(windows, mine.assign(all=""), ("all",), (how, "attempts"))
    until = group.until(windows.end)
    past = past_of(windows, f"{how} to {top.component}", ["all"])
    found = [stretch_of(windows, e.onset, e.end) for e in episodes(table[how], table["attempts"], past=past)]
    return [s for s in found if s.started_at < until and s.until(inf) > group.started_at]
