"""Pauses between tries: time that a caller spends because what it called failed, and that no span of a call holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .blamed import Blamed
from .cusum import LEAST_RISE
from .graph import callees
from .series import within
from .shifts import Shift


def failed_calls(windows: Windows, during: tuple[float, float]) -> pd.DataFrame:
    """Failed calls of each client to a callee by a name, in the stretch (from, to; Unix seconds), and the client's
    requests in it: client, callee, peer, errors, requests."""
    stretch = within(windows.calls, *during)
    calls = windows.calls[stretch]
    rows = calls[["client", "server", "peer", "attempts", "errors"]].assign(
        callee=callees(windows).astype(object)[windows.edges.of[stretch]]
    )
    requests = rows[rows["server"] != ""].groupby("server")["attempts"].sum()
    failed = rows[(rows["errors"] > 0) & (rows["client"] != "")]
    failed = failed.groupby(["client", "callee", "peer"], as_index=False, sort=True)["errors"].sum()
    return failed.assign(requests=requests.reindex(failed["client"], fill_value=0).to_numpy(np.float64))


def without_pauses(slower: Sequence[Shift], blamed: Sequence[Blamed], failed: pd.DataFrame) -> list[Shift]:
    """The shifts, in which the own time of who tries again what fails counts against what fails.

    Who waits between two tries is slow by itself, as far as spans tell. If a twentieth of its requests or more (the
    smallest rise that matters) made calls that failed, and somebody is blamed for these, it is their time.
    """
    failed = failed[failed["errors"] >= LEAST_RISE * failed["requests"]]
    moved: dict[str, float] = {}
    out: list[Shift] = []
    for shift in slower:
        mine = failed[failed["client"] == shift.service]
        about = {*mine["callee"], *mine["peer"]} - {"", shift.service}
        guilty = next((b.component for b in blamed if b.component in about or b.service in about), "")
        if guilty:
            moved[guilty] = moved.get(guilty, 0.0) + shift.own
            shift = replace(shift, own=0.0)
        out.append(shift)
    known = {shift.service for shift in out}
    out += [Shift(name, 0.0, 0.0, 0.0, 0.0) for name in moved if name not in known]
    out = [replace(shift, waiting=shift.waiting + moved.get(shift.service, 0.0)) for shift in out]
    return sorted((shift for shift in out if shift.extra > 0), key=lambda shift: (-shift.extra, shift.service))
