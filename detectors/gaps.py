"""What counters remember of a time in which nobody read them.

A counter goes on while its scrapes fail. What it grew by until it is read again happened in between, and no sample says
when: it is laid evenly over the windows since the reading before. A process that ended in between took along what it
had counted until then, and a word that a counter had never said before counts from its second reading on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..collector.model import Windows
from .series import Flags

READ_S = 60
"""Counters are read every minute or more often (as gauges are, see `queueing`): one reading left out is a gap."""

LEAP = 2.0
"""Times its usual growth between two readings: more than a reading holds that came twice as late."""

OF_CALLS = (
    "requests",
    "errors",
    "server_s",
    "client_requests",
    "client_errors",
    "client_outcomes",
    "client_s",
    "dns_lookup_failures",
    "proxied",
    "proxied_errors",
)
"""Concepts that tell of calls and of the look-ups before them, all of them counters'."""

WORTH = 0.5
"""Share of what is usual over a whole gap that a leap must hold at least: users that fail may ask for less, and a burst
after a rest is worth no more than a few readings."""

_SERIES = ["concept", "component", "item"]
_CALL = ["window", "component", "item"]


def remembered(windows: Windows, dark: Flags, silent: Collection[str]) -> Windows:
    """The same windows, with what counters of calls grew by over gaps laid over those.

    dark: [windows] whether spans were silent; gaps at other times stay as they are. silent: the services of which.
    """
    signals = windows.signals
    counts = (signals["concept"].isin(OF_CALLS) & signals["value"].notna()).to_numpy(np.bool_)
    laid, across = _laid(windows, signals[counts], dark)
    told = [signals[~counts], laid, _outcomes(laid[across], silent)]
    return replace(windows, signals=pd.concat(told, ignore_index=True))


def evenly(windows: Windows, rows: pd.DataFrame, dark: Flags) -> pd.DataFrame:
    """Rows of `signals`, of counters, with what they grew by over gaps in the dark laid over all windows of those.

    A reading that holds no more than usual remembers no gap: a process that was started anew counts since then.
    """
    return _laid(windows, rows, dark, leaps_alone=True)[0]


def _laid(
    windows: Windows, rows: pd.DataFrame, dark: Flags, *, leaps_alone: bool = False
) -> tuple[pd.DataFrame, Flags]:
    """The rows, and which of them were laid over a gap."""
    place = (rows["window"].to_numpy(np.int64) - windows.start) // windows.window_s
    known = (place >= 0) & (place < len(dark))
    rows, place = rows[known].reset_index(drop=True), place[known]
    since = _since(windows, rows, dark[place])
    until = np.concatenate([[0], np.cumsum(dark)])
    gap = (since * windows.window_s > READ_S) & (until[place + 1] > until[np.maximum(place + 1 - since, 0)])
    if leaps_alone:
        gap &= (rows["value"] > LEAP * _usual(rows)).to_numpy(np.bool_)
    over = np.where(gap, since, 1)
    ago = np.repeat(np.cumsum(over), over) - 1 - np.arange(int(over.sum()))
    out = rows.iloc[np.repeat(np.arange(len(rows)), over)]
    out = out.assign(window=out["window"] - ago * windows.window_s, value=out["value"] / np.repeat(over, over))
    return out.reset_index(drop=True), np.repeat(gap, over)


def _since(windows: Windows, rows: pd.DataFrame, dark: Flags) -> npt.NDArray[np.int64]:
    """How many windows ago each row's series was read before; 1 for its first reading.

    Readings of nought in the dark that a leap follows were none: what counts beside the service, such as a Collector
    that counts the spans that reach it, had nothing to count. The leap has to be worth the gap: who rested and then
    asks for three times as much has caught up with nothing.
    """
    ordered = rows.sort_values("window", kind="stable")
    nought = pd.Series(dark, rows.index) & (rows["value"] == 0)
    usual = _usual(rows)
    before = ordered.groupby(_SERIES)["window"].shift()
    counted = ordered[~nought.reindex(ordered.index)].groupby(_SERIES)["window"].shift()
    counted = counted.reindex(before.index)
    apart = (ordered["window"] - before).groupby([ordered[key] for key in _SERIES]).transform("median")
    owed = usual * ((ordered["window"] - counted) / apart).reindex(rows.index)
    leapt = rows["value"] > np.maximum(LEAP * usual, WORTH * owed)
    since = (rows["window"] - before.mask(leapt, counted)) // windows.window_s
    return since.reindex(rows.index).fillna(1).to_numpy(np.int64)


def _usual(rows: pd.DataFrame) -> pd.Series[float]:
    """[rows] What a reading of the series holds where it holds anything."""
    return rows["value"].where(rows["value"] > 0).groupby([rows[key] for key in _SERIES]).transform("median")


def _outcomes(rows: pd.DataFrame, clients: Collection[str]) -> pd.DataFrame:
    """Calls by outcome of those clients of which no counter tells more than that a call failed.

    A proxy names a callee by a word and a library by its host; where one client counts both, the word is kept.
    """
    worded = {str(item).partition("\t")[0] for item in rows.loc[rows["concept"] == "client_outcomes", "item"].unique()}
    tried = rows[(rows["concept"] == "client_requests") & rows["item"].isin(set(clients) - worded)]
    label = tried["component"].str.replace(r"[.].*", "", regex=True)
    words = pd.MultiIndex.from_frame(tried[_CALL])
    again = pd.MultiIndex.from_frame(tried.assign(component=label)[_CALL]).isin(words) & (label != tried["component"])
    tried = tried[~again]
    errors = rows[rows["concept"] == "client_errors"].groupby(_CALL)["value"].sum()
    failed = errors.reindex(pd.MultiIndex.from_frame(tried[_CALL]), fill_value=0.0).to_numpy(np.float64)
    failed = np.minimum(failed, tried["value"].to_numpy(np.float64))
    told = tried.assign(concept="client_outcomes")
    good = told.assign(item=told["item"] + "\t200", value=told["value"] - failed)
    return pd.concat([good, told.assign(item=told["item"] + "\t500", value=failed)], ignore_index=True)
