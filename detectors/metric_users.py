"""Users whom no span tells of: what came in from outside by servers' counters, and what probers asked.

A server's counter is where users come in, if no client is known that makes half of its requests. Where spans show where
users come in, it is not, unless nothing makes spans and counters comparable: then what sends no spans is an estate of
its own. A probe over HTTP is a user of what nothing else tells of: of a service whose counter tells, then while that
counts far less than it does when probes do well.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..collector.model import DNS_ERRORS, Windows
from .base import MOSTLY, Finding
from .graph import label_owner
from .series import components, concept, concept_of
from .service_graph import NO_CALLS
from .telemetry_silence import in_silence
from .wordless import WORDLESS

NEVER_IN = frozenset((*DNS_ERRORS, "connect"))
"""Failures of calls that no server can have counted."""

Silence = tuple[Finding, frozenset[str]]
"""A silence, and the services that sent no spans in it: their counters speak for them then."""


def comparable(windows: Windows) -> bool:
    """Whether some service sends both spans and counters, which tells of how many requests spans were taken; True where
    only one of the two comes."""
    counted, spans = components(windows, "requests"), windows.edges.services
    return not counted or not spans or not counted.isdisjoint(spans)


def served_from_outside(windows: Windows, edges: pd.DataFrame, silences: list[Silence]) -> pd.DataFrame:
    """Requests that no known client made, of services that send no spans."""
    spans = windows.edges.services
    speak = spans - {name for _, names in silences for name in names}
    quiet = components(windows, "requests") - speak
    if not quiet:
        return NO_CALLS
    services = pd.Index(sorted(quiet))
    counted, errors = (concept_of(windows, name, quiet) for name in ("requests", "errors"))
    keys = np.unique(_keys(counted, "component", services))
    total, failed = (_added(rows, "component", "value", services, keys) for rows in (counted, errors))
    failed_calls = edges[edges["failure"] != ""]
    known = _added(_asked(edges, frozenset(services)), "server", "attempts", services, keys)
    known_failed = _added(failed_calls, "server", "attempts", services, keys)
    attempts = np.maximum(total - known, 0.0)
    lost = np.minimum(np.maximum(failed - known_failed, 0.0), attempts)
    service = keys % len(services)
    # entered from outside is whom no known client asks for most, in most windows: counters scraped apart differ by far
    # less, and an outage is not what is usual
    outside, served = (np.bincount(service, some, len(services)) for some in (attempts > MOSTLY * total, total > 0))
    told = spans | _called_in_spans(windows, frozenset(services))
    entered = (outside > MOSTLY * served) & np.array([name not in told for name in services], np.bool_)
    rows = pd.DataFrame({"window": keys // len(services), "server": services[service], "attempts": attempts})
    rows = rows.assign(failed=lost, entered=entered[service])[attempts > 0]
    enters = set(_entered(windows)["server"]) if comparable(windows) else set[str]()
    silent = fell_silent(windows, rows, "server", silences)
    rows = rows.assign(enters=silent & rows["server"].isin(enters) if enters else True)
    return _split(rows[rows["entered"] | silent].assign(client="", peer=""), "server")


def _keys(rows: pd.DataFrame, name: str, services: pd.Index[str]) -> npt.NDArray[np.int64]:
    """[rows] One number for window and service; below zero for other services."""
    place = services.get_indexer(pd.Index(rows[name]))
    return np.where(place < 0, -1, rows["window"].to_numpy(np.int64) * len(services) + place)


def _added(
    rows: pd.DataFrame, name: str, quantity: str, services: pd.Index[str], keys: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """[keys] The sums of a quantity; keys: sorted, as `_keys` gives them."""
    found = _keys(rows, name, services)
    place = np.minimum(np.searchsorted(keys, found), len(keys) - 1)
    mine = keys[place] == found
    return np.bincount(place[mine], rows[quantity].to_numpy(np.float64)[mine], len(keys)).astype(np.float64)


def _asked(edges: pd.DataFrame, services: frozenset[str]) -> pd.DataFrame:
    """The calls that servers may have counted: those answered, and of those unanswered the ones whose clients reached
    somebody as far as they say, as the service's that the name's first label names."""
    lost = (edges["server"] == "") & ~edges["failure"].isin(NEVER_IN)
    owners = {peer: label_owner(str(peer), services) for peer in edges.loc[lost, "peer"].unique()}
    return edges.assign(server=edges["server"].mask(lost, edges["peer"].map(owners)))


def _entered(windows: Windows) -> pd.DataFrame:
    """The edges over which users came in, by spans."""
    return windows.edges.names[windows.edges.any(windows.calls["entries"] > 0)]


def probed(
    windows: Windows, served: pd.DataFrame, services: frozenset[str], dark: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """One attempt a prober and window, on what nothing else tells users of, in dark windows not even spans."""
    rows = concept(windows, "probe_ok")
    names = {*concept(windows, "dns_answers")["component"], *concept(windows, "dns_probe_ok")["component"]}
    rows = rows[~rows["component"].isin(names)]
    if rows.empty:
        return NO_CALLS
    entered = _entered(windows)
    hosts = {target: _host(str(target)) for target in rows["component"].unique()}
    owner = rows["component"].map({target: label_owner(host, services) or host for target, host in hosts.items()})
    by_spans = owner.isin({*entered["server"], *entered["client"]})
    counted = owner.isin(served["server"].unique()) & ~_left_alone(rows, owner, served)
    then = pd.MultiIndex.from_arrays([rows["window"], owner]).isin(
        pd.MultiIndex.from_frame(served[["window", "server"]])
    )
    rows = rows[np.where(rows["window"].isin(dark), ~then, ~by_spans & ~counted)]
    rows = rows.assign(peer=rows["component"].map(hosts).astype(str), attempts=1.0, failed=1.0 - rows["value"])
    return _split(rows.assign(client="", server="", enters=True), WORDLESS)


def _left_alone(rows: pd.DataFrame, owner: pd.Series[str], served: pd.DataFrame) -> pd.Series[bool]:
    """[rows] Which probes tell of what no counter does: those of windows in which most fail and their service counts
    less than half of its usual, and with them all that succeed, which say what is usual of the probes.

    Usual is the middle of the windows in which most probes do well. Probes that fail while users come as ever have lost
    their own way.
    """
    counts = served.groupby(["window", "server"])["attempts"].sum()
    at = pd.MultiIndex.from_arrays([rows["window"], owner])
    now = pd.Series(counts.reindex(at, fill_value=0.0).to_numpy(), rows.index)
    well = rows["value"].groupby([rows["window"], owner]).transform("mean") > MOSTLY
    usual = owner.map(now[well].groupby(owner[well]).median()).fillna(0.0)
    gone = ~well & (now < MOSTLY * usual)
    return gone | (gone.groupby(owner).transform("any") & (rows["value"] >= 1.0))


def _host(target: str) -> str:
    """The host of a probed URL, or what else was probed."""
    return re.sub(r"^[a-z+.-]+://|[:/?#].*$", "", re.sub(r"^[a-z+.-]+://", "", target))


def _split(rows: pd.DataFrame, failure: str) -> pd.DataFrame:
    """Good and failed requests as rows of their own."""
    good = rows.assign(attempts=rows["attempts"] - rows["failed"], failure="")
    bad = rows.assign(attempts=rows["failed"], failure=failure)
    both = pd.concat([good, bad], ignore_index=True)
    both = both.assign(entries=both["attempts"].where(both["enters"], 0.0))
    return both.loc[both["attempts"] > 0, ["window", "client", "server", "peer", "attempts", "failure", "entries"]]


def _called_in_spans(windows: Windows, services: frozenset[str]) -> set[str]:
    """The services whose names clients address in spans, which tell of their calls."""
    names = windows.edges.names
    peers = names.loc[names["client"] != "", "peer"].unique()
    return {label_owner(str(peer), services) for peer in peers}


def fell_silent(windows: Windows, rows: pd.DataFrame, side: str, silences: list[Silence]) -> pd.Series[bool]:
    """Which rows are of a service that sends spans, but sent none for a while."""
    out = pd.Series(data=False, index=rows.index)
    for finding, services in silences:
        out |= in_silence([finding], rows["window"], windows.end) & rows[side].isin(services)
    return out
