"""Callees of which nothing tells any more just as their caller fails.

A service that fails by itself, early in each request, calls nobody; one whose callees fail calls them in vain. Where a
callee was known by these calls alone, both look the same once the calls are no longer told of.
"""

from __future__ import annotations

import numpy as np

from ..collector.model import Windows
from .blame import LEAST_CALLS
from .graph import callees
from .series import Floats, concept_of, within


def unheard(windows: Windows, service: str, onset: float, end: float) -> tuple[str, ...]:
    """Whom the service called before `onset`, and of whom nothing tells from then until `end` (Unix seconds), in order.

    It must still have been asked, so often that a callee was to be expected `LEAST_CALLS` calls.
    """
    callee, client = callees(windows), windows.edges.names["client"]
    nodes, mine = callee.categories, (client == service).to_numpy(np.bool_)
    was, now = _attempts(windows, float(windows.start), onset), _attempts(windows, onset, end)
    served = np.asarray(callee == service, np.bool_)
    asked = float(was[served].sum())
    if not asked:
        return ()
    called, heard = (np.bincount(callee.codes, told, len(nodes)) for told in (np.where(mine, was, 0.0), now))
    expected = called * float(now[served].sum()) / asked
    silent = {str(name) for name in nodes[(expected >= LEAST_CALLS) & (heard == 0)]}
    silent -= {*client[now > 0].tolist(), service}
    if silent:  # a counter that stands still tells that nobody called
        counted = concept_of(windows, "requests", silent)
        silent -= {*counted["component"].iloc[within(counted, onset, end)].tolist()}
    return tuple(sorted(silent))


def _attempts(windows: Windows, start: float, end: float) -> Floats:
    """[edges] Calls in a stretch."""
    inside = within(windows.calls, start, end)
    attempts = windows.calls["attempts"].to_numpy(np.float64)[inside]
    return np.bincount(windows.edges.of[inside], attempts, len(windows.edges)).astype(np.float64, copy=False)
