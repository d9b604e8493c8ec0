"""What users felt: the failed share of the requests that came in from outside, or how long these took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..collector.model import Windows


@dataclass(frozen=True)
class Felt:
    """What users felt from `start` to `end`, Unix seconds: the failed share (0..1) of requests, or mean seconds."""

    start: float
    end: float
    value: float


def felt(windows: Windows, start: float, end: float, *, bins: int, waits: bool = False) -> list[Felt]:
    """The curve in at most `bins` stretches of whole windows; a stretch without requests is left out.

    waits: the seconds that requests took on average, instead of the share that failed.
    """
    calls = windows.calls
    entries = calls[
        (calls["client"] == "") & (calls["entries"] > 0) & (calls["window"] >= start) & (calls["window"] < end)
    ]
    step = windows.window_s * max(1, int(np.ceil((end - start) / windows.window_s / bins)))
    into = entries.assign(stretch=entries["window"] // step * step)
    sums = into.groupby("stretch", sort=True)[["entries", "attempts", "errors", "server_ns"]].sum()
    failed = (sums["errors"] / sums["entries"]).clip(upper=1.0)
    values = sums["server_ns"] / sums["attempts"] / 1e9 if waits else failed
    return [Felt(float(at), float(at) + step, float(value)) for at, value in zip(sums.index, values, strict=True)]


def entry_services(windows: Windows) -> frozenset[str]:
    """The services that users call without anybody in between."""
    calls = windows.calls
    return frozenset(str(name) for name in calls.loc[calls["entries"] > 0, "server"].unique() if name)
