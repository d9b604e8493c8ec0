"""When others left a queue that stays full: a device that is shared with traffic which no span tells of.

A full queue works at its capacity C, so of what its callers offer the share C / (own + others) passes. What they offer
does not fall while users ask for as much as before and each request is repeated; a share that grows, while the queue
stays as full, is traffic of others that went away. What then keeps it full are the callers' own repeats, of calls that
pass too late (Bronson et al., HotOS 2021; AWS post-event summary of 7 December 2021, on its internal network). That
none of the others are left cannot be told, only that no more of them leave.
"""

from __future__ import annotations

import pandas as pd

from ..collector.model import DNS_CLASSES, Windows
from .base import Evidence, Stretch
from .change_point import change_point
from .graph import callees
from .queries import sql
from .retry_storm import AMPLIFIED, PERSIST_S, POOR
from .series import calls_over, tally
from .suspects import Suspect

LOST = ("connect", "other", *(f"dns_{name}" for name in DNS_CLASSES))
"""How calls fail that never reach anybody. Who is reached and drowns fails them by time-out, long after a network, a
name or a process is back."""

LEFT = 1.5
"""So many times the share passes: a third of all that was offered is gone. Less is within a day's rhythm."""


def calls_to(windows: Windows, top: Suspect) -> pd.DataFrame:
    """The calls to the suspect and to those whose failures it explains, by window: attempts, originals, errors, lost
    (on the way, as far as clients say) and passed (answered, or where nobody there sends spans not lost)."""
    names = sorted({top.component, top.service, *top.explains} - {""})
    edges, callee = windows.edges, callees(windows)
    about = (edges.names["client"] != "") & (callee.isin(names) | edges.names["peer"].isin(names))
    errors = [f"errors_{name}" for name in LOST]
    columns = ["window", "server", "attempts", "originals", "answered", "errors", *errors]
    rows = calls_over(windows, about, columns, callee=callee)
    lost = rows[errors].sum(axis=1).where(rows["server"] == "", 0)
    speaks = rows["callee"].isin(rows["callee"][rows["answered"] > 0].unique())
    return rows.assign(lost=lost, passed=rows["answered"].where(speaks, rows["attempts"] - lost))


def left_by_others(windows: Windows, top: Suspect, full: Stretch) -> Evidence | None:
    """What tells that others left the queue, which its callers then kept full for a minute or more; None where nothing
    does. Its window begins when they left.

    full: while the queue was.
    """
    rows = calls_to(windows, top)
    if rows.empty:
        return None
    table = tally(windows, rows.assign(all=""), ("all",), ("attempts", "originals", "errors", "passed"))
    during = full.up_to(windows.end)
    first, after = (int((at - windows.start) // windows.window_s) for at in during)
    counts = {name: table[name][0, first:after] for name in table.values}
    split = change_point(counts["passed"], counts["attempts"])
    if split is None or (after - first - split) * windows.window_s < PERSIST_S:
        return None
    was = float(counts["passed"][:split].sum() / max(counts["attempts"][:split].sum(), 1.0))
    attempts, originals, errors, passed = (float(values[split:].sum()) for values in counts.values())
    if passed < LEFT * was * attempts or attempts < AMPLIFIED * originals or attempts - errors >= POOR * originals:
        return None
    stretch = (float(windows.start + (first + split) * windows.window_s), during[1])
    return Evidence(
        statement=f"{passed / attempts:.0%} of the calls through {top.component} passed, {was:.0%} before, while its "
        f"queue stayed full: others left it, and its callers' {attempts / max(originals, 1.0):.1f} attempts for each "
        "request kept it so",
        query=sql("calls", "client, server, peer, attempts, originals, answered, errors", stretch),
        window=stretch,
        observed=passed / attempts,
        expected=was,
    )
