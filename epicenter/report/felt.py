"""What users felt: the failed share of the requests that came in from outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..collector.model import Windows


@dataclass(frozen=True)
class Felt:
    """The failed share (0..1) of users' requests from `start` to `end`, Unix seconds."""

    start: float
    end: float
    share: float


def felt(windows: Windows, start: float, end: float, *, bins: int) -> list[Felt]:
    """The curve in at most `bins` stretches of whole windows; a stretch without requests is left out."""
    calls = windows.calls
    entries = calls[
        (calls["client"] == "") & (calls["entries"] > 0) & (calls["window"] >= start) & (calls["window"] < end)
    ]
    step = windows.window_s * max(1, int(np.ceil((end - start) / windows.window_s / bins)))
    into = entries.assign(stretch=entries["window"] // step * step)
    sums = into.groupby("stretch", sort=True)[["entries", "errors"]].sum()
    shares = (sums["errors"] / sums["entries"]).clip(upper=1.0)
    return [Felt(float(at), float(at) + step, float(share)) for at, share in zip(sums.index, shares, strict=True)]


def entry_services(windows: Windows) -> frozenset[str]:
    """The services that users call without anybody in between."""
    calls = windows.calls
    return frozenset(str(name) for name in calls.loc[calls["entries"] > 0, "server"].unique() if name)
