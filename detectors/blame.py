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
from .dns_failures import most, spoken
from .edges import LEAST_REQUESTS
from .felt import alone, felt
from .graph import Graph, callees
from .passed_on import passed_on, released, ways
from .refused_first import WAITED_S, refused_first
from .series import Floats, Indices, within

ERRORS = tuple(f"errors_{name}" for name in ERROR_CLASSES)

LOST = ("connect", "deadline", "server", "other")
"""How calls that nobody answers fail, but for their names."""

_NO_WORD = ("connect", "other")
"""How clients may word a failed look-up that have no word for it."""

_SERIES = ["client", "callee", "peer"]
_OUTGOING = ["client", "callee", "attempts", "originals", "errors"]
_COUNTS = ("attempts", "originals", "entries", "unanswered", "errors", *ERRORS, "answered", "unanswered_ns")
_KEPT = ("attempts", "usual_errors", "attempts_before", "reached", "unanswered", "unanswered_s", *ERRORS)


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
    columns = ("dns", "attempts", "lost_connect", "lost_other", "unanswered", "unanswered_s")
    count = {name: excess[name].to_numpy(np.float64) for name in columns}
    (peer, names), (client, _) = (pd.factorize(excess[side]) for side in ("peer", "client"))
    failed, asked = (np.bincount(peer, np.where(count["dns"] > 0, count[name], 0.0)) for name in ("dns", "attempts"))
    failing = (failed > 0) & (failed >= LEAST_RISE * asked) | names.isin(list(gone))
    moved = (failing & (names != ""))[peer] & (count["unanswered_s"] < WAITED_S * count["unanswered"])
    _, each = np.unique(peer * (client.max(initial=0) + 1) + client, return_inverse=True)
    says_so = np.bincount(each, count["dns"])[each] > 0
    connect, other = np.where(moved & ~says_so, count["lost_connect"], 0.0), np.where(moved, count["lost_other"], 0.0)
    less = {"lost_connect": connect, "lost_other": other, "lost": connect + other}
    less |= {"errors_dns_unspecified": -less["lost"], "dns": -less["lost"]}
    words = {f"errors_{how}": (excess[f"errors_{how}"] - less[f"lost_{how}"]).clip(lower=0.0) for how in _NO_WORD}
    return excess.assign(**words, **{name: excess[name] - lost for name, lost in less.items()})


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
        for name, counts in _gathered(spoken(excess[(excess["dns"] > 0) & (excess["peer"] != "")]), "peer", "dns")
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


def _outgoing(rows: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    """By client: failed requests to its callees, and the greatest failing share among the callees that matter.

    Retries of one request fail together: what they explain is one request of their caller. A callee matters that gets
    a twentieth of the client's calls (the smallest rise that matters to an episode); fewer calls than can tell a share
    count as so many, of which the others went well.
    """
    attempts, originals, errors = (rows[name].to_numpy(np.float64) for name in ("attempts", "originals", "errors"))
    client, names = pd.factorize(rows["client"])
    tries = np.maximum(attempts / np.maximum(originals, 1.0), 1.0)
    outgoing = np.bincount(client, errors / tries, len(names))
    pairs, edge = np.unique(client * (len(rows) + 1) + pd.factorize(rows["callee"])[0], return_inverse=True)
    made, failed = (np.bincount(edge, counts, len(pairs)) for counts in (attempts, errors))
    caller = pairs // (len(rows) + 1)
    matters = made >= LEAST_RISE * np.bincount(caller, made, len(names))[caller]
    worst = np.zeros(len(names))
    np.maximum.at(worst, caller[matters], failed[matters] / np.maximum(made[matters], LEAST_REQUESTS))
    return dict(zip(names, outgoing, strict=True)), dict(zip(names, worst, strict=True))


def _gathered(rows: pd.DataFrame, by: str, what: str) -> Iterator[tuple[str, dict[str, float]]]:
    """The counts of the rows of each node, in order of its name.

    what: the failures that stay there. known: attempts of series that were called before; usual_reached: how many of
    these were to be reached. weighed, of_one: the failures by how much they count, and those of one caller alone, of
    what they weigh.
    """
    told = {name: rows[name].to_numpy(np.float64) for name in (what, *_KEPT, "reached_before", "weight", "alone")}
    before, weighs = told.pop("reached_before"), told[what]
    told["known"] = np.where(np.isnan(before), 0.0, told["attempts"])
    told["usual_reached"] = told["known"] * np.nan_to_num(before)
    told |= {"weighed": weighs * told.pop("weight"), "of_one": weighs * told.pop("alone"), "weighs": weighs}
    node, names = pd.factorize(rows[by], sort=True)
    counts = {name: np.bincount(node, values, len(names)).tolist() for name, values in told.items()}
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
