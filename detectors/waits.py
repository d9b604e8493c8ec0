"""When users waited: stretches in which requests from outside took far longer than they used to, though none need fail.

A stretch (`slowness`) counts if it lasts, if requests enough were met by it, and if they took as much longer as people
notice. Where users wait for calls that fail, it lasts sooner.
"""

from __future__ import annotations

from ..collector.model import Windows
from .base import ALIKE, MOSTLY, Finding, stretch_of
from .edges import LEAST_REQUESTS
from .episodes import alarm_time
from .gate import entered
from .graph import asked
from .retry_storm import PERSIST_S
from .series import calls_over, tables
from .slowness import Slow, slow_finding, slow_stretches

DETECTOR, KIND = "waits", "users_waited"

LASTING_S = 120.0
"""What is over sooner, such as the cold caches of a deploy, wakes nobody."""


def users_waited(windows: Windows) -> list[Finding]:
    """Find the stretches in which users waited, by entry service.

    facts: excess (0: of no failed requests), extra_s (seconds above the usual, of all of them together), alarm_at (when
    this was certain).
    """
    found: list[Finding] = []
    for table in tables(windows, entered(windows), ("component",), ("waited_s", "timed")):
        names = table.names("component")
        told = (_finding(windows, names[s.series], s) for s in slow_stretches(table["waited_s"], table["timed"]))
        found += [finding for finding in told if finding is not None]
    return sorted(found, key=lambda f: (f.started_at, f.component))


def _lasting_s(windows: Windows, component: str, slow: Slow) -> float:
    """For how long a stretch must last: a minute (`PERSIST_S`), where most of the extra time passes in calls to one who
    fails most of them and did not use to.

    Cold caches answer late, and answer. A caller that hides such failures from its users tries its calls again, or
    its requests end as good ones when these have long given up; a process that is started anew is there in a minute.
    """
    start, until = (windows.start + at * windows.window_s for at in (slow.within.start, slow.within.stop))
    edges, counts = windows.edges, ["attempts", "errors", "client_ns"]
    own, callee = edges.names["client"] == component, asked(windows)
    spans = ((float(windows.start), start), (start, until))
    told = (calls_over(windows, own, counts, *span, callee=callee) for span in spans)
    was, now = (rows[rows["callee"] != ""].groupby("callee", observed=True)[counts].sum() for rows in told)
    was = was.reindex(now.index, fill_value=0)
    usual, rate = (of["errors"] / of["attempts"].clip(lower=1) for of in (was, now))
    failing = (rate > MOSTLY) & (usual <= ALIKE * rate) & (now["attempts"] >= LEAST_REQUESTS)
    waited_for = now["client_ns"] / 1e9 > MOSTLY * slow.met * (slow.took_s - slow.usual_s)
    return PERSIST_S if (failing & waited_for).any() else LASTING_S


def _finding(windows: Windows, component: str, slow: Slow) -> Finding | None:
    """None for what is too short, too seldom asked or, all in all, too little."""
    lasted = stretch_of(windows, slow.episode.onset, slow.episode.end)
    during = lasted.up_to(windows.end)
    if during[1] - during[0] < PERSIST_S or not slow.counts:
        return None
    least_s = _lasting_s(windows, component, slow)
    may_last_s = (windows.end if slow.may_go_on else during[1]) - during[0]
    if during[1] - during[0] < least_s and may_last_s < LASTING_S:
        return None
    return slow_finding(
        windows,
        slow,
        component,
        detector=DETECTOR,
        kind=KIND,
        whose=f"of users of {component}",
        columns="client, server, entries, client_ns, server_ns",
        extra_s=slow.met * (slow.took_s - slow.usual_s),
        alarm_at=max(alarm_time(windows, slow.episode), lasted.started_at + least_s),
    )
