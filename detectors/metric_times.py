"""How long servers took that only counters tell of: the mean that a histogram's sum and count give for the window."""

from __future__ import annotations

import pandas as pd

from ..collector.model import Windows
from .series import concept_of

_KEYS = ["window", "component"]


def mean_alone(windows: Windows, service: str) -> bool:
    """Whether nothing but a service's own counter tells how long it took: no span, no caller and no callee of it.

    Its mean is over all routes, and grows as well where users ask more for those that always took long.
    """
    told, traced = windows.edges.told, (windows.calls["example_trace"] != "").any()
    pairs = zip(told["client"], told["server"], strict=True)
    return not traced and not any(client == service or (client and server == service) for client, server in pairs)


def with_server_times(windows: Windows, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of calls with server_ns, where they have none and the server measured its requests.

    Neither its failed requests nor one caller's stand apart in its histogram, so that all of a window take the mean.
    A caller that did not measure how long it waited has waited as long at the least.
    """
    each_s = _mean_s(windows, rows) if "server_s" in windows.concepts else 0.0
    served_ns = rows["server_ns"].fillna(rows["attempts"] * each_s * 1e9)
    waited = (rows["client"] != "") & ~(rows["client_ns"] > 0)
    return rows.assign(server_ns=served_ns, client_ns=rows["client_ns"].mask(waited, served_ns))


def _mean_s(windows: Windows, rows: pd.DataFrame) -> pd.Series[float]:
    """[rows] The mean of the window in which their server served them, nought where nobody tells."""
    took, served = (
        concept_of(windows, name, set(rows["server"])).groupby(_KEYS)["value"].sum()
        for name in ("server_s", "requests")
    )
    mean_s = (took / served.where(served > 0)).dropna()
    wanted = pd.MultiIndex.from_frame(rows[["window", "server"]])
    return pd.Series(mean_s.reindex(wanted).fillna(0.0).to_numpy(), rows.index, dtype=float)
