"""Other methods' rankings of the same windows, each in a few lines of our own after its paper."""

from __future__ import annotations

import numpy as np
import pandas as pd

from epicenter.collector.model import Windows
from epicenter.detectors.graph import dependency_graph
from epicenter.detectors.series import Floats, tally

SIGMA = 3.0


def services(windows: Windows) -> tuple[list[str], Floats]:
    """Names, and (services, quantities, windows): requests, failures and seconds a call as callees see them."""
    rows = windows.calls[windows.calls["server"] != ""]
    table = tally(windows, rows, ("server",), ("attempts", "errors", "server_ns", "uncovered_ns"))
    ns = table["server_ns"] + table["uncovered_ns"]
    seconds = np.divide(ns / 1e9, table["attempts"], out=np.zeros_like(ns), where=table["attempts"] > 0)
    return table.names("server"), np.stack([table["attempts"], table["errors"], seconds], axis=1)


def baro(windows: Windows, at: float) -> list[str]:
    """Services by BARO's score, given the time of the fault: each by the best of its quantities."""
    names, values = services(windows)
    first = max(1, int(at - windows.start) // windows.window_s)
    scores = robust_scores(values[..., :first], values[..., first:]).max(axis=-1)
    return [names[i] for i in np.argsort(-scores, kind="stable")]


def robust_scores(normal: Floats, faulty: Floats) -> Floats:
    """BARO's: max |x - median| / IQR of the normal time, over the last axis.

    Pham et al., "BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online Change Point
    Detection", FSE 2024; where a series never varies, the distance itself, as in scikit-learn's RobustScaler.
    """
    low, middle, high = np.quantile(normal, (0.25, 0.5, 0.75), axis=-1)
    spread = np.where(high > low, high - low, 1.0)
    return np.asarray((np.abs(faulty - middle[..., None]) / spread[..., None]).max(axis=-1, initial=0.0))


def traversal(windows: Windows, at: float) -> list[str]:
    """Anomalous services without anomalous callees, the farthest from its usual first.

    As PetShop's authors use graph traversal (Hardt et al., "The PetShop Dataset", CLeaR 2024): a node is anomalous
    whose mean after the fault is more than three standard deviations off.
    """
    names, values = services(windows)
    first = max(1, int(at - windows.start) // windows.window_s)
    normal, faulty = values[..., :first], values[..., first:]
    off = np.abs(faulty.mean(axis=-1) - normal.mean(axis=-1)) / np.maximum(normal.std(axis=-1), 1e-9)
    scores = pd.Series(off[:, 1:].max(axis=1), names)
    odd = scores[scores > SIGMA]
    graph = dependency_graph(windows)
    below = {name: {graph.service(c) for c in graph.callees.get(name, ())} - {name} for name in odd.index}
    deepest = [name for name in odd.index if not below[name] & set(odd.index)]
    return [str(name) for name in odd[deepest].sort_values(ascending=False, kind="stable").index]
