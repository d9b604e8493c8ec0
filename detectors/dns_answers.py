"""Names that a prober used to get addresses for and no longer does.

An empty answer is no error to a resolver: the probe succeeds, the code is NOERROR, and only the
number of answers tells (RFC 2308 calls it NODATA). Which failure it is:

- the query got no reply at all: timeout;
- a reply, and the prober calls it good: the code was NOERROR, so nodata (blackbox_exporter fails a
  probe whose code is not NOERROR unless it is told otherwise);
- a reply that the prober calls bad: another code, which one it does not say: unspecified;
- no verdict of the prober, but the resolver's codes are known and none but NOERROR has risen: nodata.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import MOSTLY, Evidence, Finding, stretch_of
from .codes import ANSWERS
from .cusum import LEAST_RISE, WARM_UP
from .dns_failures import KINDS
from .queries import sql
from .runs import Run, runs, sure_at
from .series import Flags, carried, concept, gauge


def dns_answers(windows: Windows) -> list[Finding]:
    """Find probed names whose answers fell to none; a question type that never had any is how things are."""
    table = gauge(windows, concept(windows, "dns_answers"), ("component", "item"))
    if not len(table):
        return []
    answers = carried(table["value"], 2)
    found: list[Finding] = []
    for row, name in enumerate(table.names("component")):
        had = np.cumsum(answers[row] > 0) >= WARM_UP
        none = had & (answers[row] < 1)
        usual = float(np.nanmedian(answers[row][answers[row] > 0])) if had.any() else 0.0
        found += [_finding(windows, name, table.names("item")[row], usual, run) for run in runs(none, none)]
    return sorted(found, key=lambda f: (f.started_at, f.component, str(f.facts["type"])))


def _finding(windows: Windows, name: str, question: str, usual: float, run: Run) -> Finding:
    lasted = stretch_of(windows, run.start, run.end)
    during = lasted.up_to(windows.end)
    failure = _failure(windows, name, during)
    evidence = Evidence(
        statement=f"a probe of {name} {question} got 0 addresses, {usual:.0f} before".replace("  ", " "),
        query=sql("signals", "value", during, component=name, concept="dns_answers", item=question),
        window=during,
        observed=0.0,
        expected=usual,
    )
    return Finding(
        detector="dns_answers",
        kind=KINDS[failure],
        component=name,
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=1.0,
        evidence=(evidence,),
        facts={
            "failure": failure,
            "type": question,
            "alarm_at": sure_at(windows, run),
        },
    )


def _failure(windows: Windows, name: str, stretch: tuple[float, float]) -> str:
    # verdicts are 0 or 1: their mean over a stretch tells which of the two most of them were
    if _mean(windows, "dns_probe_ok", name, stretch) < MOSTLY:
        return "timeout"
    verdict = _mean(windows, "probe_ok", name, stretch)
    if verdict >= MOSTLY:
        return "nodata"
    if verdict < MOSTLY:
        return "unspecified"
    return "nodata" if _codes_stayed_good(windows, stretch) else "unspecified"


def _mean(windows: Windows, name: str, component: str, stretch: tuple[float, float]) -> float:
    """NaN where nothing is known, which compares false with everything."""
    rows = concept(windows, name)
    inside = (rows["component"] == component) & (rows["window"] >= stretch[0]) & (rows["window"] < stretch[1])
    return float(rows.loc[inside, "value"].mean())


def _codes_stayed_good(windows: Windows, stretch: tuple[float, float]) -> bool:
    """Whether resolvers report their codes, and no more of them were bad than before."""
    codes = pd.concat([concept(windows, name) for name in ANSWERS])
    bad = codes["item"].str.upper() != "NOERROR"
    during = (codes["window"] >= stretch[0]) & (codes["window"] < stretch[1])
    before = codes["window"] < stretch[0]

    def share(rows: Flags) -> float:
        picked = codes[rows]
        total = float(picked["value"].sum())
        return float(picked.loc[bad, "value"].sum()) / total if total > 0 else float("nan")

    return share(np.asarray(during)) < share(np.asarray(before)) + LEAST_RISE
