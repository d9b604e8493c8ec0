"""Services that stopped telling of themselves, all at once, while something else says that they did not rest.

Telemetry needs the estate that it watches (AWS, 25 November 2020 and 7 December 2021; Roblox, October 2021). Spans that
stop prove nothing alone: nobody may be calling. It is a silence where most services that sent spans send none, and
either scrapes of most targets fail (`up` is 0), or counters that come another way (a balancer's) go on for them, or a
probe from outside that was well fails. What happens in it cannot be told from spans, which is said instead of guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import Evidence, Finding, stretch_of
from .edges import summed
from .gaps import evenly
from .once import Once
from .queries import sql
from .runs import Run, runs, sure_at
from .series import (
    Flags,
    Floats,
    Indices,
    Table,
    calls_over,
    carried,
    concept,
    gauge,
    scrape_gap,
    tables,
    tally,
    window_count,
)

KIND = "telemetry_silence"

MOST = 0.5
"""The greater part of what speaks: less may be one crashed service and those whom only it calls."""

SURE = 10.0
"""Spans that were to be expected where none came: a Poisson count of ten is nought once in 20,000 times."""

TARGETS = 3
"""Scrapes of fewer targets fail with what they watch: one or two that are down tell of themselves, as the exporter of a
resolver that died does, and not of the way that all telemetry takes."""

LOOK = 10
"""Windows without a span after which a service counts as silent only if it had sent some in most of as many before."""


@Once
def telemetry_silence(windows: Windows) -> list[Finding]:
    """Find stretches in which most services fell silent.

    facts: alarm_at; down: the share of targets whose scrapes failed.
    """
    spans, requests = _spans(windows), concept(windows, "requests")
    regular, silent = _regular(windows, spans)
    share = silent / np.maximum(regular, 1)
    down = targets_down(windows)
    dark = share > MOST
    if dark.any():  # what counters tell is the dearest to know
        dark &= (down > MOST) | _counted(windows, evenly(windows, requests, dark), spans) | probes_fail(windows, dark)
    return [_finding(windows, share, down, run) for run in runs(dark, dark)]


def told_across(windows: Windows, finding: Finding) -> bool:
    """Whether counters tell of the calls of most services that are silent."""
    calls, edges = windows.calls, windows.edges
    inside = in_silence([finding], calls["window"], windows.end)
    spans = calls["example_trace"] != ""
    rows = (spans, inside & spans, inside & ~spans)
    ever, then, counted = ({*edges.names["client"][edges.any(told)]} - {""} for told in rows)
    silent = ever - then
    return len(counted & silent) > MOST * len(silent)


def _spans(windows: Windows) -> pd.DataFrame:
    """Window, server and attempts of the rows of calls that services tell of by spans of their own."""
    calls, server = windows.calls, windows.edges.categories["server"]
    told = ((calls["example_trace"] != "") & (calls["attempts"] > 0)).to_numpy(np.bool_)
    columns = ["window", "attempts"]
    return calls_over(windows, server != "", columns, windows.start, windows.end, where=told, server=server)


def silent_services(windows: Windows, finding: Finding) -> frozenset[str]:
    """Services without a span in a silence: those who only call, as workers do, too."""
    calls, edges = windows.calls, windows.edges
    told = (calls["attempts"] > 0) & (calls["example_trace"] != "")
    inside = told & in_silence([finding], calls["window"], windows.end)
    ever, then = (edges.names[edges.any(rows)] for rows in (told, inside))
    return frozenset({*ever["server"], *ever["client"]}) - {*then["server"], *then["client"], ""}


def in_silence(silences: Iterable[Finding], starts: pd.Series[int], end: float) -> Flags:
    """[windows] Whether one of the silences lasted; starts: of the windows, end: of the data, in Unix seconds."""
    out = np.zeros(len(starts), np.bool_)
    for finding in silences:
        out |= ((starts >= finding.started_at) & (starts < finding.until(end))).to_numpy(np.bool_)
    return out


def _regular(windows: Windows, spans: pd.DataFrame) -> tuple[Indices, Indices]:
    """[windows] How many services had spoken in most of the windows up to that in which they last spoke, and how many
    of these do not speak.

    Told from one word of a service to its next, since most of a wide estate seldom speak.
    """
    count = window_count(windows)
    number = (spans["window"].to_numpy(np.int64) - windows.start) // windows.window_s
    spoke = np.zeros(len(spans["server"].cat.categories) * count, np.bool_)
    spoke[spans["server"].cat.codes.to_numpy(np.int64) * count + number] = True
    server, window = np.divmod(np.flatnonzero(spoke), count)
    server, window = server.astype(np.int32), window.astype(np.int32)  # a day has millions of words
    first = np.flatnonzero(np.diff(server, prepend=-1)).astype(np.int32)
    lengths = np.diff(first, append=len(server))
    seen = np.arange(1, len(server) + 1, dtype=np.int32) - np.repeat(first, lengths)
    lasted = window - np.repeat(window[first], lengths) + 1
    steady = (lasted >= LOOK) & (seen > MOST * lasted)
    until = np.where(np.diff(server, append=-1) == 0, np.append(window[1:], count), count)[steady]
    heard = np.bincount(window[steady], minlength=count)
    going = np.cumsum(heard - np.bincount(until, minlength=count + 1)[:count])
    return going, going - heard


@Once
def targets_down(windows: Windows) -> Floats:
    """[windows] The share of targets whose scrapes fail; none of fewer than tell of more than themselves."""
    table = gauge(windows, concept(windows, "up"), ("component",))
    if not len(table):
        return np.zeros(window_count(windows))
    level = carried(table["value"], scrape_gap(windows))
    known = np.isfinite(level)
    count = known.sum(axis=0)
    down = (np.where(known, level, 1.0) < MOST).sum(axis=0) / np.maximum(count, 1)
    return np.where(count >= TARGETS, down, 0.0)


def probes_fail(windows: Windows, dark: Flags) -> Flags:
    """[windows] Whether something fails that is probed from outside and was well until the dark or shortly before it:
    what has failed for long tells nothing of now."""
    table = gauge(windows, concept(windows, "probe_ok"), ("component",))
    level = carried(table["value"], scrape_gap(windows)).copy()
    told = np.flatnonzero(np.isfinite(table["value"]).any(axis=0))
    if not len(told):
        return np.zeros(window_count(windows), np.bool_)
    level[:, told[-1] + 1 :] = np.nan  # what ended with the data did not fall silent
    well = carried(table["value"], window_count(windows)) > MOST
    turned = _latest(np.diff(well, axis=1, prepend=False) & ~well)
    began = _latest(np.diff(dark, prepend=False) & dark)
    return np.any((level < MOST) & (turned >= np.maximum(began - LOOK, 0)), axis=0)


def _latest(flags: Flags) -> Indices:
    """[..., windows] The latest flagged window until then; -1 before the first."""
    places = np.arange(flags.shape[-1])
    return np.maximum.accumulate(np.where(flags, places, -1), axis=-1)


def _counted(windows: Windows, requests: pd.DataFrame, spans: pd.DataFrame) -> Flags:
    """[windows] Whether counters of a silent service tell of requests that spans must have been taken of.

    A reading tells of all that came since the one before, be it early in its window or late: none of that time may have
    seen a span. What it tells holds until the next is due.
    """
    out = np.zeros(window_count(windows), np.bool_)
    for table in tables(windows, spans, ("server",), ("attempts",)):
        out |= _counted_of(windows, requests, table)
    return out


def _counted_of(windows: Windows, rows: pd.DataFrame, spans: Table) -> Flags:
    places = {name: row for row, name in enumerate(spans.names("server"))}
    table = tally(windows, rows[rows["component"].isin(list(places))], ("component",), ("value",))
    out = np.zeros(window_count(windows), np.bool_)
    for row, name in enumerate(table.names("component")):
        seen, counted = spans["attempts"][places[name]], table["value"][row]
        both = np.cumsum(seen) / np.maximum(np.cumsum(counted), 1.0)
        apart, gap = _apart(counted), scrape_gap(windows)
        unseen = np.where(summed(seen, apart + 1) == 0, counted, 0.0)
        laid = summed(unseen[::-1], apart)[::-1] / apart
        out |= (summed(laid, max(gap, apart)) * both >= SURE) & (summed(seen, gap) == 0)
    return out


def _apart(counted: Floats) -> int:
    """Windows from one reading that holds something to the next, as a rule."""
    told = np.flatnonzero(counted > 0)
    return int(np.median(np.diff(told))) if len(told) > 1 else 1


def _finding(windows: Windows, share: Floats, down: Floats, run: Run) -> Finding:
    lasted = stretch_of(windows, run.start, run.end)
    during = lasted.up_to(windows.end)
    stretch = slice(run.start, run.end)
    evidence = Evidence(
        statement=f"{share[stretch].max():.0%} of the services sent no spans"
        + (f", and {down[stretch].max():.0%} of the targets could not be scraped" if down[stretch].any() else ""),
        query=sql("signals", "component, value", during, concept="up"),
        window=during,
        observed=float(share[stretch].max()),
        expected=0.0,
    )
    return Finding(
        detector="telemetry_silence",
        kind=KIND,
        component="telemetry",
        started_at=lasted.started_at,
        ended_at=lasted.ended_at,
        score=float(share[stretch].max()),
        evidence=(evidence,),
        facts={
            "excess": 0.0,
            "alarm_at": sure_at(windows, run),
            "down": float(down[stretch].max()),
        },
    )
