"""Calls that only metrics tell of: client and server counters and probes, as rows of `calls`.

Services that send spans are left to them, except in a silence of these (`telemetry_silence`), in which counters and
probes speak for them too. Of the others:
- a client's counter, split by host and outcome, is an edge: caller, name, and the service that the name's first label
  names, or else the name itself. An outcome with a status was answered, one with another word was not;
- a client that counts statuses counts a call without any where it got no response; other callers of the name in the
  same window, its counted look-ups and its probed answers may say why, else nobody does (class `other`);
- a service graph's pairs are edges of clients that nothing else tells of (`service_graph`);
- servers' counters and probes over HTTP tell of users whom nothing else tells of (`metric_users`), and proxies of what
  they failed that nobody behind them did (`proxied`). A probe sees that users fail and never why, so its rows have
  neither client nor server.

Where there are spans too, what counters tell is scaled to the share of requests that spans were taken of while they
came, by the services that have both; where none has, it counts as it is. Counters know no attempts of one request and
no traces: `originals` are all attempts, and the examples empty. Times are means where a histogram tells them
(`metric_times`), else zero; how long callers waited for nothing stays untold, since a mean of refusals and time-outs is
neither. Counts are not whole where they are scaled, or a prober failed for a part of a window.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..collector.failures import classify
from ..collector.model import CALL_KEYS, CALLS, ERROR_CLASSES, Windows
from .gaps import remembered
from .graph import label_owner
from .metric_times import with_server_times
from .metric_users import Silence, comparable, fell_silent, probed, served_from_outside
from .once import Once
from .order import laid_in
from .proxied import proxied
from .series import by_concept, components, concept, totals, window_count
from .service_graph import NO_CALLS, graph_calls
from .telemetry_silence import in_silence, silent_services, targets_down, telemetry_silence
from .wordless import WORDLESS, worded

_ANSWERED = re.compile(r"RESOURCE_?EXHAUSTED|INTERNAL|DATA_?LOSS|8|13|15")
_GOOD = re.compile(
    "OK|CANCELL?ED|INVALID_?ARGUMENT|NOT_?FOUND|ALREADY_?EXISTS|PERMISSION_?DENIED|FAILED_?PRECONDITION|ABORTED"
    "|OUT_?OF_?RANGE|UNIMPLEMENTED|UNAUTHENTICATED|0|1|3|5|6|7|9|10|11|12|16"
)
"""gRPC's codes (its "Status codes and their use"): failures that a server answers with, and what is no failure of the
callee. The others may come from the client's own library, as words do. Go writes them without underscores."""

_ASKED_AMISS = ("501", "505")
"""A method or version that the callee does not know: as gRPC's UNIMPLEMENTED, the caller's own mistake."""

_FLAGS = {"UF": "connect", "UC": "connect", "UR": "connect", "UT": "deadline", "DF": "dns_unspecified"}
"""Envoy's flags of answers that it made itself (its access log's RESPONSE_FLAGS): failed and ended connections,
time-outs, names that were not resolved. Others are of nobody to send to, and tell no more."""

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
    served = served_from_outside(windows, edges, silences)
    counted = with_server_times(windows, pd.concat([edges, served], ignore_index=True))
    counted[_COUNTS] *= _sampled(windows, dark)
    more = [proxied(windows, counted, services), probed(windows, served, services, dark)]
    rows = pd.concat([counted, *more], ignore_index=True)
    return rows[rows["attempts"] > 0].fillna(dict.fromkeys(_COUNTS, 0.0))


def tell_of_users(windows: Windows) -> bool:
    """Whether what metrics alone tell can show users: where spans show none or are of others alone, in their
    silences, by probes, and by proxies before them."""
    enters = bool((windows.calls["entries"] > 0).any()) and comparable(windows)
    outside = not windows.concepts.keys().isdisjoint(("probe_ok", "proxied"))
    return not enters or outside or bool(telemetry_silence(windows))


def _all_in_spans(windows: Windows) -> bool:
    """Whether counters speak of nothing but services that send spans, none of which fell silent."""
    if not windows.concepts.keys().isdisjoint(("client_outcomes", "graph_requests", "probe_ok", "proxied")):
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
        return True, "server" if word == "429" or (word >= "500" and word not in _ASKED_AMISS) else ""
    flagged = next((_FLAGS[flag] for flag in plain.split(",") if flag in _FLAGS), "")
    return False, flagged or ("deadline" if plain == "4" else classify(word) or WORDLESS)


def _sampled(windows: Windows, dark: npt.NDArray[np.int64]) -> float:
    """The share of requests that spans tell of, by the services that have both: counters beside sampled spans would
    drown them. 1 where nobody has both, or no spans come: what sends none is not to vanish beside what nothing makes
    it comparable with.

    dark: the windows in which spans fell silent, which tell nothing of the share.
    """
    counted = {name: count for name, count in totals(windows, "requests", dark).items() if count > 0}
    edges, attempts = windows.edges, windows.calls["attempts"]
    spans = edges.total(attempts.where(~windows.calls["window"].isin(dark), 0) if len(dark) else attempts)
    both = np.array([name in counted for name in edges.told["server"]], np.bool_)
    known = sorted(counted.keys() & {*edges.told["server"]})
    return min(1.0, float(spans[both].sum()) / sum(counted[name] for name in known)) if known else 1.0


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
    rows = rows[(rows["client"] != "") & (~spans | fell_silent(windows, rows, "client", silences))]
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
