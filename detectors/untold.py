"""Services of which no counter tells whether the names that they call were resolved.

Many clients count a call by the status of its answer, or once it was sent: what fails in its look-up is in no counter.
Who fails its own requests and counts no calls, or fewer of them than before as far as it fails, may have failed in just
that. Spans tell of calls that failed.
"""

from __future__ import annotations

from ..collector.model import Windows
from .base import ALIKE
from .metric_calls import from_metrics
from .series import calls_over

_COUNTS = ["attempts", "answered", "errors"]


def look_ups_untold(windows: Windows, service: str, during: tuple[float, float]) -> bool:
    """Whether the service may have failed look-ups that nobody counted; during: the stretch in which it failed its
    requests, in Unix seconds, of which all before is held to be usual.

    Calls that it made by name, and that were answered for each of its requests as before, tell that it did not.
    """
    edges, counted = windows.edges, from_metrics(windows)
    served = (edges.names["server"] == service).to_numpy()
    made = ((edges.names["client"] == service) & (edges.names["peer"] != "")).to_numpy()
    if not (edges.any(counted) & served).any() or (edges.any(~counted) & (served | made)).any():
        return False
    asked, good = [], []
    for stretch in ((float(windows.start), during[0]), during):
        asked.append(calls_over(windows, served, _COUNTS, *stretch)[_COUNTS].sum())
        calls = calls_over(windows, made, _COUNTS, *stretch, peer=edges.categories["peer"])
        good.append(calls.groupby("peer", observed=True)["answered"].sum())
    before, then = asked
    usual = good[0] / max(float(before["attempts"]), 1.0)
    if usual.empty or not then["attempts"]:
        return True
    kept = (good[1].reindex(usual.index, fill_value=0) / float(then["attempts"]) / usual).fillna(1.0)
    return bool(1.0 - kept.min() >= ALIKE * float(then["errors"]) / float(then["attempts"]))
