"""Calls by a name that passes them on to several services: which end of it failed them.

Such a name may be a gateway's, a machine's with many ports, or that of a service that hands traces on and sends no
spans. Of calls by it that nobody answered it is all that is known: they were for the one service behind it that is no
longer heard of, while the others are. And where calls by it fail alike, whoever answers them in the end, those to who
is well for whoever calls it otherwise failed at the name.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import MOSTLY
from .cusum import LEAST_RISE
from .edges import CHANCE, LEAST_REQUESTS
from .graph import name_owners, passed_on
from .series import Floats, within

ALIKE = 0.5
"""What fails less than half as often as others by the same name fails for a reason of its own, or not at all."""


def meant_for(windows: Windows, before: tuple[float, float], during: tuple[float, float]) -> dict[int, str]:
    """edge -> whom its calls failed at, where that is another than who answers or owns the name.

    before, during: (from, to) in Unix seconds; what is usual, and what is asked about.
    """
    passing = passed_on(windows)
    if not passing:
        return {}
    counts = _counts(windows, before, during)
    by_name = counts["peer"].isin(passing)
    missed = _missed(counts[by_name], (during[1] - during[0]) / max(before[1] - before[0], 1.0))
    owners = name_owners(windows)
    own = _its_own(counts, by_name)
    return missed | {edge: owners[name] or name for edge, name in own.items()}


def _counts(windows: Windows, before: tuple[float, float], during: tuple[float, float]) -> pd.DataFrame:
    """[edges] Who calls whom by which name, with attempts, answers and failures above the usual, and answers before."""

    def total(column: str, stretch: tuple[float, float]) -> Floats:
        inside = within(windows.calls, *stretch)
        values = windows.calls[column].to_numpy()[inside]
        return np.bincount(windows.edges.of[inside], values, len(windows.edges)).astype(np.float64)

    attempts, usual = total("attempts", during), total("attempts", before)
    errors = total("errors", during) - total("errors", before) * attempts / np.maximum(usual, 1.0)
    return windows.edges.names.assign(
        attempts=attempts,
        failed=np.maximum(errors, 0.0),
        answered=total("answered", during),
        answered_before=total("answered", before),
    )


def _missed(calls: pd.DataFrame, shorter: float) -> dict[int, str]:
    """edge without an answer -> the only service that its client no longer reaches by the name, though it does others.

    shorter: the stretch in question, as a share of that before it.
    """
    found: dict[int, str] = {}
    for _, group in calls.groupby(["client", "peer"]):
        silent, answering = group[group["server"] == ""], group[group["server"] != ""]
        expected = answering["answered_before"] * shorter
        kept = float((answering["answered"] / expected.where(expected > 0)).max()) if len(answering) > 1 else 0.0
        short = kept * expected - answering["answered"]
        gone = (answering["answered"] < MOSTLY * kept * expected) & (short > CHANCE * np.sqrt(kept * expected))
        if gone.sum() == 1:
            found |= dict.fromkeys((int(edge) for edge in silent.index), str(answering["server"][gone].iloc[0]))
    return found


def _its_own(counts: pd.DataFrame, by_name: pd.Series[bool]) -> dict[int, str]:
    """edge -> its name, where calls by that fail alike for all who answer there, and this one is well by its others."""
    answered = counts["server"] != ""
    named = counts[answered & by_name].groupby(["peer", "server"])[["attempts", "failed"]].sum()
    every = counts[answered].groupby("server")[["attempts", "failed"]].sum()
    rest = every.reindex(named.index, level="server") - named
    share = named["failed"] / named["attempts"].clip(lower=1.0)
    told = share[named["attempts"] >= LEAST_REQUESTS].groupby(level="peer")
    least, most = told.min(), told.max()
    alike = least.index[(told.size() > 1) & (most >= LEAST_RISE) & (least >= ALIKE * most)]
    well = (rest["attempts"] >= LEAST_REQUESTS) & (rest["failed"] < ALIKE * share * rest["attempts"])
    own = well.index[well & well.index.get_level_values("peer").isin(alike)]
    edges = np.flatnonzero(pd.MultiIndex.from_frame(counts[["peer", "server"]]).isin(own))
    return dict(zip(edges.tolist(), counts["peer"].iloc[edges].astype(str).tolist(), strict=True))
