"""Which node the failures of a stretch of time lead back to: failures that its own callees do not explain.

Every failed call above the usual is booked where it happened: on the name, if it could not be
resolved; on the callee, if it was reached by nobody; on the service that answered it, otherwise.
From what a service failed, the failures of its own calls are taken off, since those explain it:
so an error on its way up a chain of callers counts once, at the bottom. A name or a callee
gathers the failures of all its callers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..collector.edges import category
from ..collector.model import DNS_CLASSES, DNS_ERRORS, ERROR_CLASSES, Windows
from .base import ALIKE
from .cusum import LEAST_RISE
from .dns_failures import most
from .felt import alone, felt
from .graph import Graph, callees
from .passed_on import passed_on, released, ways
from .refused_first import WAITED_S, refused_first
from .series import Floats, Indices, within

ERRORS = tuple(f"errors_{name}" for name in ERROR_CLASSES)

LOST = ("connect", "deadline", "server", "other")
"""How calls that nobody answers fail, but for their names."""

_SERIES = ["client", "callee", "peer"]
_OUTGOING = ["client", "callee", "attempts", "originals", "errors"]
_COUNTS = ("attempts", "originals", "entries", "unanswered", "errors", *ERRORS, "answered", "unanswered_ns")

LEAST_CALLS = 20.0
"""Calls over an edge below which its failing share proves nothing: one failure moves it by a twentieth."""


@dataclass(frozen=True)
class Blamed:
    """A node with the failed calls that stay with it.

    how: "resolution", "unreached" or "answer": where the calls ended.
    failed: calls above the usual, over the stretch; failure: the error class of most of them. felt: how much they
    count: those that cost no caller or no user anything a tenth. alone: the share that is of one caller's calls, while
    all others' go well.
    attempts: calls made to the node in the stretch; attempts_before: in the stretch before.
    answered, answered_before: share of its calls that are answered, and used to be.
    unanswered_s: how long its callers wait for nothing, on average.
    """

    component: str
    service: str
    how: str
    failed: float
    felt: float
    alone: float
    attempts: float
    usual: float
    answered: float
    answered_before: float
    failure: str
    unanswered_s: float
    attempts_before: float


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
    excess = pd.concat([names.iloc[excess.index].reset_index(drop=True), excess.reset_index(drop=True)], axis=1)
    excess = excess.assign(dns=_together(excess, DNS_ERRORS), lost=_together(excess, [f"lost_{how}" for how in LOST]))
    died = refused_first(windows, during, gone or {})
    excess = _followed(_worded(excess, {*(gone or {})} - died), died)
    new = released(windows, during)
    excess = excess.assign(alone=alone(excess) & ~excess["callee"].isin(new).to_numpy())
    excess = _made_up(excess, new)
    needed, weight = felt(excess)
    excess = excess.assign(needed=needed, weight=weight)
    booked = [*_names(excess, graph), *_unreached(excess, graph), *_answers(excess)]
    between = {to for (name, _), to in moved.items() if to == name}
    booked = [replace(b, service=b.component) if b.component in between else b for b in booked]
    ranked = sorted((b for b in booked if b.failed > 0), key=lambda b: (-b.failed, b.component, b.how))
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
    return pd.DataFrame(summed | lost | waited)[np.bincount(of) > 0]


def _excess(before: pd.DataFrame, during: pd.DataFrame) -> pd.DataFrame:
    """Counts of `during` above what the rates of `before` predict; attempts stay as they are."""
    usual = before.reindex(during.index, fill_value=0)
    attempts = during["attempts"].to_numpy(np.float64)
    asked = usual["attempts"].to_numpy(np.float64)
    known = np.where(asked > 0, asked, np.nan)
    errors = [c for c in during.columns if c.startswith(("errors", "lost"))]
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
    told = excess[(excess["dns"] > 0) & (excess["peer"] != "")].groupby("peer")[["dns", "attempts"]].sum()
    failing = {*told.index[told["dns"] >= LEAST_RISE * told["attempts"]], *gone}
    at_once = excess["unanswered_s"] < WAITED_S * excess["unanswered"]
    moved = excess["peer"].isin(failing) & (excess["peer"] != "") & at_once
    out = excess.copy()
    says_so = excess.groupby(["client", "peer"])["dns"].transform("sum") > 0
    for how, meant in (("connect", moved & ~says_so), ("other", moved)):
        lost = excess[f"lost_{how}"].where(meant, 0.0)
        out[f"lost_{how}"] -= lost
        out[f"errors_{how}"] = (out[f"errors_{how}"] - lost).clip(lower=0.0)
        out["errors_dns_unspecified"] += lost
        out["dns"] += lost
        out["lost"] -= lost
    return out


def _followed(excess: pd.DataFrame, died: Collection[str]) -> pd.DataFrame:
    """Count look-ups of names whose process died first as connections to it that failed: it is why they did."""
    if not died:
        return excess
    lost = excess["dns"].where(excess["peer"].isin(died), 0.0)
    moved = {"lost": lost, "lost_connect": lost, "errors_connect": lost, "dns": -lost}
    out = excess.assign(**{name: excess[name] + more for name, more in moved.items()})
    return out.assign(**{name: excess[name].where(lost == 0, 0.0) for name in DNS_ERRORS})


def _made_up(excess: pd.DataFrame, released: Collection[str]) -> pd.DataFrame:
    """Book on a caller that was there before what it calls anew and in vain: the name of a table or a service that
    nobody called before and that only ever fails is most likely a mistake of who uses it. So is that of a host, or what
    fails one caller alone, if that caller was released just then, and not the callee."""
    served = excess.groupby("callee")["attempts_before"].sum()
    known = excess.groupby("client")["attempts_before"].sum().add(served, fill_value=0.0)
    before, caller = excess["callee"].map(served), excess["client"].map(known)
    rows = (before == 0) & (caller >= LEAST_CALLS) & (excess["client"] != "") & (excess["peer"] == "")
    vain = rows & (excess["reached"] > 0) & (excess["errors"] >= excess["reached"])
    theirs = excess["client"].isin(released) & ((excess["dns"] > 0) | (excess["lost"] > 0))
    if theirs.any():
        asked = excess["peer"].map(excess.groupby("peer")["attempts_before"].sum())
        new = (asked == 0) & (excess["peer"] != "") & (caller >= LEAST_CALLS) & (excess["errors"] >= excess["attempts"])
        vain |= theirs & new
        theirs &= excess["alone"] & alone(excess, ALIKE)
        vain |= theirs
    out = excess.assign(callee=excess["callee"].mask(vain, excess["client"]), client=excess["client"].mask(vain, ""))
    guessed = out["alone"] | out["callee"].isin(excess["client"][theirs])
    return out.assign(dns=out["dns"].mask(vain, 0.0), lost=out["lost"].mask(vain, 0.0), alone=guessed)


def _together(excess: pd.DataFrame, columns: Collection[str]) -> Floats:
    """[rows] The sum of some columns, one of numbers after the other: a frame of them costs more than to add them."""
    return np.sum([excess[name].to_numpy(np.float64) for name in columns], axis=0)


def _names(excess: pd.DataFrame, graph: Graph) -> list[Blamed]:
    return [
        _blamed(name, graph.owners.get(name, ""), "resolution", counts["dns"], counts)
        for name, counts in _gathered(excess[(excess["dns"] > 0) & (excess["peer"] != "")], "peer", "dns")
    ]


def _unreached(excess: pd.DataFrame, graph: Graph) -> list[Blamed]:
    rows = excess[(excess["lost"] > 0) & (excess["callee"] != "") & (excess["client"] != "")]
    return [
        _blamed(callee, graph.service(callee), "unreached", counts["lost"], counts)
        for callee, counts in _gathered(rows, "callee", "lost")
    ]


def _answers(excess: pd.DataFrame) -> list[Blamed]:
    rows = excess.assign(answered_errors=(excess["errors"] - excess["dns"] - excess["lost"]).clip(lower=0.0))
    # Who is called in vain, and is not known, explains nothing, nor does what its caller can do without.
    outgoing, worst = _outgoing(rows.loc[(rows["callee"] != "") & rows["needed"], _OUTGOING])
    out: list[Blamed] = []
    for callee, counts in _gathered(
        rows[(rows["answered_errors"] > 0) & (rows["callee"] != "")], "callee", "answered_errors"
    ):
        failed = counts["answered_errors"]
        rate = failed / max(counts["attempts"], 1.0)
        # Work of its own that a service cannot do for its callee fails its requests without being one of their calls:
        # a callee that fails it at the rate at which it fails its callers explains it as well.
        unexplained = 1.0 - min(1.0, float(worst.get(callee, 0.0)) / rate)
        own = min(failed - float(outgoing.get(callee, 0.0)), failed * unexplained)
        out.append(_blamed(callee, callee, "answer", own, counts))
    return out


def _outgoing(rows: pd.DataFrame) -> tuple[pd.Series[float], pd.Series[float]]:
    """By client: failed requests to its callees, and the greatest failing share among the callees that matter.

    Retries of one request fail together: what they explain is one request of their caller. A callee matters that gets
    a twentieth of the client's calls (the smallest rise that matters to an episode); fewer calls than can tell a share
    count as so many, of which the others went well.
    """
    tries = (rows["attempts"] / rows["originals"].clip(lower=1)).clip(lower=1.0)
    outgoing = (rows["errors"] / tries).groupby(rows["client"]).sum()
    edges = rows[rows["client"] != ""].groupby(["client", "callee"])[["attempts", "errors"]].sum()
    whole = edges["attempts"].groupby(level="client").transform("sum")
    edges = edges[edges["attempts"] >= LEAST_RISE * whole]
    return outgoing, (edges["errors"] / edges["attempts"].clip(lower=LEAST_CALLS)).groupby(level="client").max()


def _gathered(rows: pd.DataFrame, by: str, what: str) -> Iterator[tuple[str, dict[str, float]]]:
    """The counts of the rows of each node, in order of its name.

    what: the failures that stay there. known: attempts of series that were called before; usual_reached: how many of
    these were to be reached. weighed, of_one: the failures by how much they count, and those of one caller alone, of
    what they weigh.
    """
    known = rows["attempts"].where(rows["reached_before"].notna(), 0.0)
    told = rows.drop(columns=_SERIES).assign(known=known, usual_reached=known * rows["reached_before"].fillna(0.0))
    told = told.assign(weighed=rows[what] * rows["weight"], of_one=rows[what] * rows["alone"], weighs=rows[what])
    node, names = pd.factorize(rows[by], sort=True)
    counts = {str(name): np.bincount(node, values, len(names)).tolist() for name, values in told.items()}
    for at, name in enumerate(names):
        yield str(name), {count: values[at] for count, values in counts.items()}


def _blamed(component: str, service: str, how: str, failed: float, counts: dict[str, float]) -> Blamed:
    attempts, known = counts["attempts"], counts["known"]
    return Blamed(
        component=component,
        service=service,
        how=how,
        failed=failed,
        felt=failed * counts["weighed"] / counts["weighs"],
        alone=counts["of_one"] / counts["weighs"],
        attempts=attempts,
        usual=counts["usual_errors"],
        attempts_before=counts["attempts_before"],
        answered=counts["reached"] / attempts if attempts else 0.0,
        answered_before=counts["usual_reached"] / known if known else 0.0,
        failure=_worst(counts, how),
        unanswered_s=counts["unanswered_s"] / max(counts["unanswered"], 1.0),
    )


def _worst(counted: dict[str, float], how: str) -> str:
    """The error class with the most calls, of those that end there; words that cannot tell give way to any that can."""
    if how == "resolution":
        return f"dns_{most({name: counted[f'errors_dns_{name}'] for name in DNS_CLASSES})}"
    counts = {name: counted[f"errors_{name}"] for name in ERROR_CLASSES if not name.startswith("dns_")}
    return max(counts, key=lambda name: counts[name])
