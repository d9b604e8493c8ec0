"""Calls that only metrics tell of: client and server counters and probes, as rows of `calls`.

Services that send spans are left to them, except in a silence of these (`telemetry_silence`), in which counters and
probes speak for them too. Of the others:
- a client's counter, split by host and outcome, is an edge: caller, name, and the service that the name's first label
  names, or else the name itself. An outcome with a status was answered, one with another word was not;
- a client that counts statuses counts a call without any where it got no response; other callers of the name in the
  same window, its counted look-ups and its probed answers may say why, else nobody does (class `other`);
- a service graph's pairs are edges of clients that nothing else tells of (`service_graph`);
- a server's counter is where users come in, if no client is known that makes half of its requests. Where spans
  show where users come in, it is not;
- a probe over HTTP is a user of what nothing else tells of. It sees that users fail and never why, so its rows
  have neither client nor server.

Where there are spans too, what counters tell is scaled to the share of requests that spans were taken of while they
came. Counters know no attempts of one request and no traces: `originals` are all attempts, and the examples empty.
Times are means where a histogram tells them (`metric_times`), else zero; how long callers waited for nothing stays
untold, since a mean of refusals and time-outs is neither. Counts are not whole where they are scaled, or a prober
failed for a part of a window.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..collector.failures import classify
from ..collector.model import CALL_KEYS, CALLS, ERROR_CLASSES, Windows
from .base import MOSTLY, Finding
from .gaps import remembered
from .graph import label_owner
from .metric_times import with_server_times
from .once import Once
from .order import laid_in
from .series import by_concept, components, concept, concept_of, totals, window_count
from .service_graph import NO_CALLS, graph_calls
from .telemetry_silence import in_silence, silent_services, targets_down, telemetry_silence
from .wordless import WORDLESS, worded

_ANSWERED = re.compile(r"RESOURCE_EXHAUSTED|INTERNAL|DATA_LOSS|8|13|15")
_GOOD = re.compile(
    "OK|CANCELLED|INVALID_ARGUMENT|NOT_FOUND|ALREADY_EXISTS|PERMISSION_DENIED|FAILED_PRECONDITION|ABORTED"
    "|OUT_OF_RANGE|UNIMPLEMENTED|UNAUTHENTICATED|0|1|3|5|6|7|9|10|11|12|16"
)
"""gRPC's codes (its "Status codes and their use"): failures that a server answers with, and what is no failure of the
callee. The others may come from the client's own library, as words do."""

Silence = tuple[Finding, frozenset[str]]
"""A silence, and the services that sent no spans in it: their counters speak for them then."""

_COUNTS = ["attempts", "entries", "client_ns", "server_ns"]


def with_metric_calls(windows: Windows) -> Windows:
    """The same windows, with rows of `calls` for what no span tells of; rows come and go in order."""
    if _all_in_spans(windows):
        return windows
    silences = [(finding, silent_services(windows, finding)) for finding in telemetry_silence(windows)]
    starts = pd.Series(windows.start + windows.window_s * np.arange(window_count(windows)))
    dark = in_silence((finding for finding, _ in silences), starts, windows.end)
    silent = frozenset[str]().union(*(services for _, services in silences))
    told = remembered(windows, dark, silent) if silences else windows
    rows = _told(told, silences, starts[dark].to_numpy(np.int64))
    if rows.empty:
        return windows
    told = laid_in(windows, _as_calls(rows))
    for said in (by_concept, targets_down, telemetry_silence):  # of spans and of signals, which are the same
        said.hand_on(windows, told)
    if len(windows.calls) and not from_metrics(windows).any():
        of_spans.known(told, windows)
    return told


def _told(windows: Windows, silences: list[Silence], dark: npt.NDArray[np.int64]) -> pd.DataFrame:
    services = _services(windows)
    edges = _edges(windows, services, silences)
    told = {*edges["client"].unique()} | windows.edges.services
    edges = pd.concat([edges.assign(server_ns=np.nan), graph_calls(windows, services, told)], ignore_index=True)
    served = _served(windows, edges, silences)
    counted = with_server_times(windows, pd.concat([edges, served], ignore_index=True))
    counted[_COUNTS] *= _sampled(windows, dark)
    rows = pd.concat([counted, _probed(windows, served, services, dark)], ignore_index=True)
    return rows[rows["attempts"] > 0].fillna(dict.fromkeys(_COUNTS, 0.0))


def tell_of_users(windows: Windows) -> bool:
    """Whether what metrics alone tell can show users: where spans show none, in their silences, and by probes."""
    enters = bool((windows.calls["entries"] > 0).any())
    return not enters or "probe_ok" in windows.concepts or bool(telemetry_silence(windows))


def _all_in_spans(windows: Windows) -> bool:
    """Whether counters speak of nothing but services that send spans, none of which fell silent."""
    if not windows.concepts.keys().isdisjoint(("client_outcomes", "graph_requests", "probe_ok")):
        return False
    return components(windows, "requests") <= windows.edges.services and not telemetry_silence(windows)


@Once
def from_metrics(windows: Windows) -> pd.Series[bool]:
    """Which rows of calls were made here: every row of spans has an example."""
    return windows.calls["example_trace"] == ""


@Once
def of_spans(windows: Windows) -> Windows:
    """The same windows with only those calls that spans tell of, if any do: counters know no repeats of one request."""
    counted = from_metrics(windows)
    if counted.all() or not counted.any():
        return windows
    seen = (~counted).to_numpy(np.bool_)
    calls = windows.calls[seen].reset_index(drop=True)
    return replace(windows, calls=calls).with_edges(windows.edges.picked(seen))


def outcome(word: str) -> tuple[bool, str]:
    """Whether a client's word for an outcome says that somebody answered, and the class of the failure ("" if none).

    >>> outcome("200"), outcome("503"), outcome("ENOTFOUND"), outcome("_OTHER")
    ((True, ''), (True, 'server'), (False, 'dns_unspecified'), (False, 'other'))
    """
    plain = word.upper()
    if _GOOD.fullmatch(plain):
        return True, ""
    if _ANSWERED.fullmatch(plain):
        return True, "server"
    if re.fullmatch(r"\d{3}", word):  # as spans are judged: of the 4xx only 429 is the callee's
        return True, "server" if word == "429" or word >= "500" else ""
    return False, "deadline" if plain == "4" else classify(word) or WORDLESS


def _sampled(windows: Windows, dark: npt.NDArray[np.int64]) -> float:
    """The share of requests that spans tell of, by the services that have both: counters beside sampled spans would
    drown them. 0 where nobody has both, since nothing then makes the two comparable; 1 without spans.

    dark: the windows in which spans fell silent, which tell nothing of the share.
    """
    if windows.calls.empty:
        return 1.0
    counted = {name: count for name, count in totals(windows, "requests", dark).items() if count > 0}
    edges, attempts = windows.edges, windows.calls["attempts"]
    spans = edges.total(attempts.where(~windows.calls["window"].isin(dark), 0) if len(dark) else attempts)
    both = np.array([name in counted for name in edges.told["server"]], np.bool_)
    known = sorted(counted.keys() & {*edges.told["server"]})
    return min(1.0, float(spans[both].sum()) / sum(counted[name] for name in known)) if known else 0.0


def _services(windows: Windows) -> frozenset[str]:
    return windows.edges.services.union(components(windows, "requests")) - {""}


# ---------------------------------------------------------------------------------------------------------------------
# clients


def _edges(windows: Windows, services: frozenset[str], silences: list[Silence]) -> pd.DataFrame:
    rows = concept(windows, "client_outcomes")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return NO_CALLS
    said = rows["item"].str.partition("\t")
    rows = rows.assign(client=said[0], word=said[2], peer=rows["component"], attempts=rows["value"])
    spans = rows["client"].isin(windows.edges.names["client"].tolist())
    rows = rows[(rows["client"] != "") & (~spans | _silent(windows, rows, "client", silences))]
    told = {word: outcome(str(word)) for word in rows["word"].unique() if word}
    counts_statuses = rows.loc[rows["word"].map(lambda word: word in told and told[word][0]), "client"].unique()
    silent = (rows["word"] == "") & rows["client"].isin(counts_statuses)
    answered = rows["word"].map(lambda word: told.get(word, (True, ""))[0]).astype(bool) & ~silent
    failure = rows["word"].map(lambda word: told.get(word, (True, ""))[1]).mask(silent, WORDLESS)
    owners = {peer: label_owner(str(peer), services) or str(peer) for peer in rows["peer"].unique()}
    server = rows["peer"].map(owners).where(answered, "").astype(str)
    keys = ["window", "component", "item"]
    took_s = concept(windows, "client_s").groupby(keys)["value"].sum().reindex(pd.MultiIndex.from_frame(rows[keys]))
    rows = rows.assign(server=server, failure=failure.astype(str), entries=0.0, client_ns=took_s.to_numpy() * 1e9)
    return worded(windows, rows)[["window", "client", "server", "peer", "attempts", "failure", "entries", "client_ns"]]


# ---------------------------------------------------------------------------------------------------------------------
# servers and probes


def _served(windows: Windows, edges: pd.DataFrame, silences: list[Silence]) -> pd.DataFrame:
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
    known, known_failed = (
        _added(rows, "server", "attempts", services, keys) for rows in (edges, edges[edges["failure"] != ""])
    )
    attempts = np.maximum(total - known, 0.0)
    lost = np.minimum(np.maximum(failed - known_failed, 0.0), attempts)
    service = keys % len(services)
    rest, whole = (np.bincount(service, counts, len(services)) for counts in (attempts, total))
    # entered from outside is whom no known client asks for most: counters scraped apart differ by far less
    entered = (rest > MOSTLY * whole) & np.array([name not in spans for name in services], np.bool_)
    rows = pd.DataFrame({"window": keys // len(services), "server": services[service], "attempts": attempts})
    rows = rows.assign(failed=lost, entered=entered[service])[attempts > 0]
    enters = set(_entered(windows)["server"])
    silent = _silent(windows, rows, "server", silences)
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


def _entered(windows: Windows) -> pd.DataFrame:
    """The edges over which users came in, by spans."""
    return windows.edges.names[windows.edges.any(windows.calls["entries"] > 0)]


def _silent(windows: Windows, rows: pd.DataFrame, side: str, silences: list[Silence]) -> pd.Series[bool]:
    """Which rows are of a service that sends spans, but sent none for a while."""
    out = pd.Series(data=False, index=rows.index)
    for finding, services in silences:
        out |= in_silence([finding], rows["window"], windows.end) & rows[side].isin(services)
    return out


def _probed(
    windows: Windows, served: pd.DataFrame, services: frozenset[str], dark: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """One attempt a prober and window, on what nothing else tells users of, in dark windows not even spans."""
    rows = concept(windows, "probe_ok")
    if rows.empty:
        return NO_CALLS
    names = {*concept(windows, "dns_answers")["component"], *concept(windows, "dns_probe_ok")["component"]}
    rows = rows[~rows["component"].isin(names)]
    entered = _entered(windows)
    hosts = {target: _host(str(target)) for target in rows["component"].unique()}
    owner = rows["component"].map({target: label_owner(host, services) or host for target, host in hosts.items()})
    by_spans = owner.isin({*entered["server"], *entered["client"]})
    counted = owner.isin(served["server"].unique())
    then = pd.MultiIndex.from_arrays([rows["window"], owner]).isin(
        pd.MultiIndex.from_frame(served[["window", "server"]])
    )
    rows = rows[np.where(rows["window"].isin(dark), ~then, ~by_spans & ~counted)]
    rows = rows.assign(peer=rows["component"].map(hosts).astype(str), attempts=1.0, failed=1.0 - rows["value"])
    return _split(rows.assign(client="", server="", enters=True), WORDLESS)


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


# ---------------------------------------------------------------------------------------------------------------------
# rows of `calls`


def _as_calls(rows: pd.DataFrame) -> pd.DataFrame:
    attempts, failure = rows["attempts"].to_numpy(np.float64), rows["failure"].to_numpy(object)
    answered = np.where(rows["server"] != "", attempts, 0.0)
    columns = {"originals": attempts, "answered": answered, "unanswered": attempts - answered}
    columns |= {f"errors_{name}": np.where(failure == name, attempts, 0.0) for name in ERROR_CLASSES}
    columns |= {"errors": np.where(failure != "", attempts, 0.0)}
    waited, worked = rows["client_ns"].to_numpy(np.float64), rows["server_ns"].to_numpy(np.float64)
    columns |= {"uncovered_ns": np.where((waited > 0) & (worked > 0), np.maximum(waited - worked, 0.0), 0.0)}
    counted = pd.DataFrame({name: rows[name].to_numpy() for name in (*CALL_KEYS, *_COUNTS)} | columns)
    summed: pd.DataFrame = counted.groupby(list(CALL_KEYS), as_index=False, sort=True).sum()
    missing = {name: "" if name.endswith("_trace") else 0 for name in CALLS.names if name not in summed.columns}
    return pd.concat([summed, pd.DataFrame(missing, summed.index)], axis=1)
