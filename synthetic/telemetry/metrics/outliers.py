"""Outlier detection of Envoy: endpoints that fail in a row are taken out for a while."""

from __future__ import annotations

import numpy as np

from ...world.books import CLASS
from ...world.history import History
from ..looks import INSTANCES
from .base import Floats
from .machines import trailing

_IN_A_ROW, _EJECTION_S = 5.0, 30.0
"""Failures after which an endpoint is taken out, and how long: settings unless it is told otherwise."""
_FAILURES = ("server", "deadline", "connect")


def ejected(history: History, e: int) -> Floats:
    """[T] endpoints of an edge's server that its clients have taken out: 0 or 1, the tenth of three rounded up.

    One goes where five failures in a row are to be expected at each endpoint while an ejection lasts.
    """
    bad = history.failures[:, e, [CLASS[name] for name in _FAILURES]].sum(axis=-1)
    tried = history.ok[:, e] + bad
    share = np.divide(bad, tried, out=np.zeros_like(bad), where=tried > 0)
    per_tick = trailing(tried * share**_IN_A_ROW, _EJECTION_S, history.tick_s) / INSTANCES
    return (per_tick * _EJECTION_S / history.tick_s >= 1.0).astype(float)
