"""The nodes that failed calls are booked on: names that did not resolve, callees that nobody reached, and services.

From what a service failed, the failures of its own calls are taken off, since those explain it: so an error on its way
up a chain of callers counts once, at the bottom. A name or a callee gathers the failures of all its callers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..collector.model import DNS_CLASSES, ERROR_CLASSES
from .base import MOSTLY
from .cusum import LEAST_RISE
from .dns_failures import most, spoken
from .edges import LEAST_REQUESTS
from .graph import Graph
from .series import pairs

ERRORS = tuple(f"errors_{name}" for name in ERROR_CLASSES)

LOST = ("connect", "deadline", "server", "other")
"""How calls that nobody answers fail, but for their names."""

_OUTGOING = ["client", "callee", "attempts", "originals", "errors"]
_KEPT = ("attempts", "usual_errors", "attempts_before", "reached", "unanswered", "unanswered_s", "refused", *ERRORS)


@dataclass(frozen=True)
class Blamed:
    """A node with the failed calls that stay with it.

    how: "resolution", "unreached" or "answer": where the calls ended.
    failed: calls above the usual, over the stretch; failure: the error class of most of them. felt: how much they
    count: those that cost no caller or no user anything a tenth. alone: the share that is of one caller's calls, while
    all others' go well.
    attempts: calls made to the node in the stretch; attempts_before: in the stretch before.
    refused: whether nobody listened, by most connections that failed: clients say so, or those of each were over as
        fast as a refusal is, or nobody measured how long they took.
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
    refused: bool
    unanswered_s: float
    attempts_before: float


def booked(excess: pd.DataFrame, graph: Graph) -> list[Blamed]:
    """Book the failures above the usual where the calls ended.

    excess: by client, callee and peer the counts of a stretch: attempts, originals, reached, unanswered, unanswered_s;
    above the usual errors, by class (errors_*), those in resolution (dns) and those that nobody answered (lost); of the
    time before usual_errors, attempts_before and reached_before; needed, weight and alone (`felt`, `alone`).
    """
    return [*_names(excess, graph), *_unreached(excess, graph), *_answers(excess)]


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
    caller, edge = pairs(client, pd.factorize(rows["callee"])[0])
    made, failed = (np.bincount(edge, counts, len(caller)) for counts in (attempts, errors))
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
    attempts, known, failure = counts["attempts"], counts["known"], _worst(counts, how)
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
        failure=failure,
        refused=how == "unreached" and failure == "connect" and counts["refused"] >= MOSTLY * counts["errors_connect"],
        unanswered_s=counts["unanswered_s"] / max(counts["unanswered"], 1.0),
    )


def _worst(counted: dict[str, float], how: str) -> str:
    """The error class with the most calls, of those that end there; words that cannot tell give way to any that can."""
    if how == "resolution":
        return f"dns_{most({name: counted[f'errors_dns_{name}'] for name in DNS_CLASSES})}"
    counts = {name: counted[f"errors_{name}"] for name in ERROR_CLASSES if not name.startswith("dns_")}
    return max(counts, key=lambda name: counts[name])
