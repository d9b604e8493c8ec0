"""Which node the failures of a stretch of time lead back to: failures that its own callees do not explain.

Every failed call above the usual is booked where it happened: on the name, if it could not be
resolved; on the callee, if it was reached by nobody; on the service that answered it, otherwise.
From what a service failed, the failures of its own calls are taken off, since those explain it:
so an error on its way up a chain of callers counts once, at the bottom. A name or a callee
gathers the failures of all its callers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from ..collector.edges import category
from ..collector.model import DNS_ERRORS, Windows
from .alone import alone, meanwhile
from .base import ALIKE
from .blamed import ERRORS, LOST, Blamed, booked
from .cusum import LEAST_RISE
from .edges import LEAST_REQUESTS
from .felt import felt
from .graph import Graph, callees
from .passed_on import passed_on, released, ways
from .refused_first import WAITED_S, refused_first
from .series import Floats, Indices, pairs, within

_NO_WORD = ("connect", "other")
"""How clients may word a failed look-up that have no word for it."""

_SERIES = ["client", "callee", "peer"]
_COUNTS = ("attempts", "originals", "entries", "unanswered", "errors", *ERRORS, "refused", "answered", "unanswered_ns")


def blame(
    windows: Windows,
    graph: Graph,
    before: tuple[float, float],
    during: tuple[float, float],
    gone: Mapping[str, float] | None = None,
) -> list[Blamed]:
    """Rank the nodes by the failures that stay with them; both stretches are (from, to) in Unix seconds.

    gone: names that something other than calls saw fail to resolve in the stretch, and since when.
    """
    moved = passed_on(windows, before, during)
    names, series = _series(windows, moved)
    excess = _excess(_summed(windows, series, before), _summed(windows, series, during))
    place = np.full(len(names), -1)
    place[excess.index] = np.arange(len(excess))
    excess = pd.concat([names.iloc[excess.index].reset_index(drop=True), excess.reset_index(drop=True)], axis=1)
    excess = excess.assign(dns=_together(excess, DNS_ERRORS), lost=_together(excess, [f"lost_{how}" for how in LOST]))
    died = refused_first(windows, during, gone or {})
    excess = _followed(_worded(excess, {*(gone or {})} - died), died)
    new = released(windows, during)
    then = meanwhile(windows, place[series], excess, during)
    excess = excess.assign(alone=alone(then) & ~(excess["callee"].isin(new) & (excess["dns"] == 0)).to_numpy())
    excess = _made_up(excess, then, new)
    needed, weight = felt(excess)
    excess = excess.assign(needed=needed, weight=weight)
    between = {to for (name, _), to in moved.items() if to == name}
    found = [replace(b, service=b.component) if b.component in between else b for b in booked(excess, graph)]
    ranked = sorted((b for b in found if b.failed > 0), key=lambda b: (-b.failed, b.component, b.how))
    merged: dict[str, Blamed] = {}
    for b in ranked:
        first = merged.get(b.component)
        merged[b.component] = replace(first, failed=first.failed + b.failed, felt=first.felt + b.felt) if first else b
    return sorted(merged.values(), key=lambda b: (-b.felt, b.component))


def _series(windows: Windows, moved: Mapping[tuple[str, str], str]) -> tuple[pd.DataFrame, Indices]:
    """The different (client, callee, peer) in order, and which of them each edge is: answered or not, the calls through
    one name are one series. moved: (way, server) of calls that have another callee."""
    called = callees(windows)
    if moved:
        whose = zip(ways(windows), windows.edges.told["server"], called, strict=True)
        called = category(pd.Series([moved.get((way, server), callee) for way, server, callee in whose]))
    names = {**windows.edges.categories, "callee": called}
    number = np.zeros(len(windows.edges), np.int64)
    for name in _SERIES:
        number = number * len(names[name].categories) + names[name].codes
    _, first, series = np.unique(number, return_index=True, return_inverse=True)
    return pd.DataFrame({name: pd.Series(names[name].take(first)).astype(str) for name in _SERIES}), series


def _summed(windows: Windows, series: Indices, stretch: tuple[float, float]) -> pd.DataFrame:
    """Counts of a stretch by series, of those that were called in it."""
    calls, edges, inside = windows.calls, windows.edges, within(windows.calls, *stretch)
    of, silent = series[edges.of[inside]], (edges.names["server"] == "").to_numpy(np.bool_)[edges.of[inside]]
    rows = {name: calls[name].to_numpy()[inside] for name in _COUNTS}
    summed = {name: np.bincount(of, values) for name, values in rows.items()}
    count = len(summed["errors"])
    lost = {f"lost_{name}": np.bincount(of[silent], rows[f"errors_{name}"][silent], count) for name in LOST}
    waited = {"reached": summed.pop("answered"), "unanswered_s": summed.pop("unanswered_ns") / 1e9}
    at_once = waited["unanswered_s"] < WAITED_S * np.maximum(summed["unanswered"], 1.0)
    refused = {"refused": np.where(at_once, summed["errors_connect"], summed["refused"])}
    return pd.DataFrame(summed | lost | waited | refused)[np.bincount(of) > 0]


def _excess(before: pd.DataFrame, during: pd.DataFrame) -> pd.DataFrame:
    """Counts of `during` above what the rates of `before` predict; attempts stay as they are."""
    usual = before.reindex(during.index, fill_value=0)
    attempts = during["attempts"].to_numpy(np.float64)
    asked = usual["attempts"].to_numpy(np.float64)
    known = np.where(asked > 0, asked, np.nan)
    errors = [c for c in during.columns if c.startswith(("errors", "lost", "refused"))]
    expected = usual[errors].to_numpy(np.float64) * np.nan_to_num(attempts / known)[:, None]
    excess = pd.DataFrame(np.maximum(during[errors].to_numpy(np.float64) - expected, 0.0), during.index, errors)
    kept = during[["attempts", "originals", "entries", "reached", "unanswered", "unanswered_s"]]
    columns = {
        "usual_errors": expected[:, errors.index("errors")],
        "reached_before": usual["reached"].to_numpy(np.float64) / known,
        "attempts_before": usual["attempts"].to_numpy(),
    }
    return pd.concat([excess, kept, pd.DataFrame(columns, during.index)], axis=1)


def _worded(excess: pd.DataFrame, gone: Collection[str]) -> pd.DataFrame:
    """Count failures that some clients do not word as what they are to the name, where others say that it failed.

    Many clients say no more than that they could not connect. If nobody answered, it was over before any time-out, and
    the same name failed to resolve for others, then it failed to resolve here. Who says so of look-ups of that name
    means a connection where it speaks of one.
    """
    columns = ("dns", "attempts", "lost_connect", "lost_other", "unanswered", "unanswered_s")
    count = {name: excess[name].to_numpy(np.float64) for name in columns}
    (peer, names), (client, _) = (pd.factorize(excess[side]) for side in ("peer", "client"))
    failed, asked = (np.bincount(peer, np.where(count["dns"] > 0, count[name], 0.0)) for name in ("dns", "attempts"))
    failing = (failed > 0) & (failed >= LEAST_RISE * asked) | names.isin(list(gone))
    moved = (failing & (names != ""))[peer] & (count["unanswered_s"] < WAITED_S * count["unanswered"])
    _, each = pairs(peer, client)
    says_so = np.bincount(each, count["dns"])[each] > 0
    connect, other = np.where(moved & ~says_so, count["lost_connect"], 0.0), np.where(moved, count["lost_other"], 0.0)
    less = {"lost_connect": connect, "lost_other": other, "lost": connect + other}
    less |= {
        "errors_dns_unspecified": -less["lost"],
        "dns": -less["lost"],
        "refused": np.minimum(connect, excess["refused"]),
    }
    words = {f"errors_{how}": (excess[f"errors_{how}"] - less[f"lost_{how}"]).clip(lower=0.0) for how in _NO_WORD}
    return excess.assign(**words, **{name: excess[name] - lost for name, lost in less.items()})


def _followed(excess: pd.DataFrame, died: Collection[str]) -> pd.DataFrame:
    """Count look-ups of names whose process died first as connections to it that failed: it is why they did."""
    if not died:
        return excess
    lost = excess["dns"].where(excess["peer"].isin(died), 0.0)
    moved = {"lost": lost, "lost_connect": lost, "errors_connect": lost, "refused": lost, "dns": -lost}
    out = excess.assign(**{name: excess[name] + more for name, more in moved.items()})
    return out.assign(**{name: excess[name].where(lost == 0, 0.0) for name in DNS_ERRORS})


def _made_up(excess: pd.DataFrame, then: pd.DataFrame, released: Collection[str]) -> pd.DataFrame:
    """Book on a caller that was there before what it calls anew and in vain: the name of a table or a service that
    nobody called before and that only ever fails is most likely a mistake of who uses it. So is that of a host, or what
    fails one caller alone, if that caller was released just then, and not the callee.

    then: the calls by which that is told (`meanwhile`).
    """
    codes, nodes = pd.factorize(pd.concat([excess["callee"], excess["client"]], ignore_index=True))
    callee, client = codes[: len(excess)], codes[len(excess) :]
    served, made = (np.bincount(side, excess["attempts_before"], len(nodes)) for side in (callee, client))
    before, caller = served[callee], (served + made)[client]
    rows = (before == 0) & (caller >= LEAST_REQUESTS) & (excess["client"] != "") & (excess["peer"] == "")
    vain = rows & (excess["reached"] > 0) & (excess["errors"] >= excess["reached"])
    theirs = excess["client"].isin(released) & ((excess["dns"] > 0) | (excess["lost"] > 0))
    if theirs.any():
        asked = excess["peer"].map(excess.groupby("peer")["attempts_before"].sum())
        new = (
            (asked == 0)
            & (excess["peer"] != "")
            & (caller >= LEAST_REQUESTS)
            & (excess["errors"] >= excess["attempts"])
        )
        vain |= theirs & new
        theirs &= excess["alone"] & alone(then, ALIKE)
        vain |= theirs
    out = excess.assign(callee=excess["callee"].mask(vain, excess["client"]), client=excess["client"].mask(vain, ""))
    guessed = out["alone"] | out["callee"].isin(excess["client"][theirs])
    return out.assign(dns=out["dns"].mask(vain, 0.0), lost=out["lost"].mask(vain, 0.0), alone=guessed)


def _together(excess: pd.DataFrame, columns: Collection[str]) -> Floats:
    """[rows] The sum of some columns, one of numbers after the other: a frame of them costs more than to add them."""
    return np.sum([excess[name].to_numpy(np.float64) for name in columns], axis=0)
