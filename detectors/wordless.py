"""Calls that counters say were lost and not how: what others say of the same name in the same window."""

from __future__ import annotations

import pandas as pd

from ..collector.failures import RANK, classify
from ..collector.model import Windows
from .cusum import LEAST_RISE
from .series import concept

WORDLESS = "other"

Words = dict[tuple[int, str], str]


def worded(windows: Windows, rows: pd.DataFrame) -> pd.DataFrame:
    """Give failures without words those that somebody else has for the same name in the same window.

    A caller's words for hardly any of its own tell nothing of the rest (`dns_failures.spoken`).
    """
    lost = rows[(rows["server"] == "") & (rows["failure"] != "") & (rows["failure"] != WORDLESS)]
    wordless = (
        rows[(rows["server"] == "") & (rows["failure"] == WORDLESS)].groupby(["window", "peer"])["attempts"].sum()
    )
    own = ["window", "peer", "client"]
    unsaid = rows[(rows["server"] == "") & (rows["failure"] == WORDLESS)].groupby(own)["attempts"].sum()
    told = lost.groupby(own)["attempts"].transform("sum")
    lost = lost[
        told.to_numpy() > LEAST_RISE * unsaid.reindex(pd.MultiIndex.from_frame(lost[own]), fill_value=0).to_numpy()
    ]
    looked = _looked_up(windows).set_index(["window", "peer"])
    enough = looked["attempts"] > LEAST_RISE * wordless.reindex(looked.index, fill_value=0)
    said = pd.concat([lost[["window", "peer", "failure", "attempts"]], looked[enough].reset_index()], ignore_index=True)
    words = _most_said(said) | _no_answers(windows)
    keys = zip(rows["window"], rows["peer"], strict=True)
    found = pd.Series([words.get((int(window), str(peer)), WORDLESS) for window, peer in keys], rows.index, dtype=str)
    return rows.assign(failure=rows["failure"].mask((rows["failure"] == WORDLESS) & (rows["server"] == ""), found))


def _most_said(rows: pd.DataFrame) -> Words:
    """(window, name) -> the class with most calls; among equals the one that failed in the earliest step."""
    rows = rows.assign(rank=rows["failure"].map(RANK))
    summed: pd.DataFrame = rows.groupby(["window", "peer", "failure", "rank"], as_index=False)[["attempts"]].sum()
    best = summed.sort_values(["attempts", "rank"], ascending=[False, True], kind="stable")
    best = best.drop_duplicates(["window", "peer"])
    return {
        (int(window), str(peer)): str(failure)
        for window, peer, failure in zip(best["window"], best["peer"], best["failure"], strict=True)
    }


def _looked_up(windows: Windows) -> pd.DataFrame:
    """What clients' counters of look-ups say, as rows of window, peer, failure and attempts."""
    rows = concept(windows, "dns_lookup_failures")
    rows = rows[rows["value"] > 0]
    classes = {word: classify(str(word)) for word in rows["item"].unique()}
    known = {word: name if name.startswith("dns_") else "dns_unspecified" for word, name in classes.items()}
    rows = rows.assign(peer=rows["component"], attempts=rows["value"], failure=rows["item"].map(known).astype(str))
    summed: pd.DataFrame = rows.groupby(["window", "peer", "failure"], as_index=False)[["attempts"]].sum()
    return summed


def _no_answers(windows: Windows) -> Words:
    """Names that a prober got no addresses for, of any type, and once had: why is for the detectors of DNS to say."""
    rows = concept(windows, "dns_answers").sort_values("window", kind="stable")
    most = rows.groupby(["window", "component"], as_index=False)["high"].max()
    had = most.groupby("component")["high"].cummax()
    none = most[(most["high"] < 1) & (had >= 1)]
    pairs = zip(none["window"], none["component"], strict=True)
    return {(int(window), str(name)): "dns_unspecified" for window, name in pairs}
