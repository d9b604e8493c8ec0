"""Where time went: extra milliseconds per service between two stretches, and calls that are no longer made.

Time is booked where it was spent. What a server span takes beyond its own calls is its service's; what a client waits
beyond the server span (the network, queues on both sides) is booked on the callee, unless the same caller waits longer
for most of whom it calls, or no other caller of that callee does: then the caller itself is slow to send and to
receive. Where it is most of those that are reached by a name of none of them, the name is slow. Of a callee that sends
no spans, what its callers wait is all there is. Calls that vanished count with the time they used to take, and in the
same way: one missing callee speaks of the callee, most of them missing speaks of the caller.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .fences import NOTHING_KNOWN, Fences
from .graph import callees

VANISHED_SIGMA = 4.0
"""Standard errors by which a callee's calls must fall short: one false alarm in 30,000 for a normal count."""


@dataclass(frozen=True)
class Shift:
    """What changed about one service: milliseconds per stretch, by how it is seen.

    own: in its server spans beyond its calls; waiting: its callers waiting beyond its server spans, or
    itself for all of its callees; vanished: usual time of calls that it no longer makes or gets.
    usual: what it took before, all in all, for as many calls.
    """

    service: str
    own: float
    waiting: float
    vanished: float
    usual: float

    @property
    def extra(self) -> float:
        """All of it, in milliseconds."""
        return self.own + self.waiting + self.vanished


def shifts(
    before: pd.DataFrame, during: pd.DataFrame, usually: Fences = NOTHING_KNOWN, shared: Collection[str] = ()
) -> list[Shift]:
    """Compare the calls of two stretches: every service, the one with most extra time first.

    usually: how far services stray; of what lies within, nothing counts. shared: names by which several answer, none by
    its own.
    """
    own, usual = _own(before, during)
    own = _beyond(own, usual, during, usually)
    waiting, waited = _waiting(before, during, shared)
    vanished = _vanished(before, during, usually)
    services = sorted({*usual, *own, *waiting, *vanished} - {""})
    usual = {s: usual.get(s, 0.0) or waited.get(s, 0.0) for s in services}
    found = [Shift(s, own.get(s, 0.0), waiting.get(s, 0.0), vanished.get(s, 0.0), max(0.0, usual[s])) for s in services]
    return sorted(found, key=lambda s: (-s.extra, s.service))


def told_by_callers(windows: Windows) -> pd.DataFrame:
    """The calls, in which what callers alone know of a callee's time is told of it.

    A callee that never answered with a span of its own is the server of all calls to it, and all of their time lies
    beyond its spans; of one that sends some, a call without is one that was lost. A server that counters tell of, and
    that never measured itself, took as long as its callers waited.
    """
    windows = _measured(windows)
    names, called = windows.edges.names, callees(windows)
    answering = frozenset(names["server"])
    silent = (names["server"] == "") & (names["client"] != "") & ~pd.Series(called).isin(answering)
    rows = silent.to_numpy(np.bool_)[windows.edges.of]
    if not rows.any():
        return windows.calls
    calls, server = windows.calls, called.astype(object)[windows.edges.of]
    return calls.assign(
        server=calls["server"].mask(rows, pd.Series(server, calls.index)),
        answered=calls["answered"].mask(rows, calls["unanswered"]),
        uncovered_ns=calls["uncovered_ns"].mask(rows, calls["unanswered_ns"]),
    )


def _measured(windows: Windows) -> Windows:
    calls, server = windows.calls, windows.edges.names["server"]
    untold = server.map(pd.Series(windows.edges.total(calls["server_ns"])).groupby(server).sum()) == 0
    rows = untold.to_numpy(np.bool_)[windows.edges.of] & (calls["client_ns"] > 0) & (calls["example_trace"] == "")
    if not rows.any():
        return windows
    told = replace(windows, calls=calls.assign(server_ns=calls["server_ns"].mask(rows, calls["client_ns"])))
    return told.with_edges(windows.edges)


def untold_waits(calls: pd.DataFrame) -> set[str]:
    """The services that made calls of which nobody tells how long they took: they may have been all of its time."""
    made = calls[(calls["client"] != "") & (calls["attempts"] > 0)]
    took = made.groupby(["client", "server", "peer"], sort=True)["client_ns"].sum()
    return set(took.index.get_level_values("client")[took == 0])


def _own(before: pd.DataFrame, during: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds in each service's own server spans above the usual per request, and the usual."""
    was, now = _own_time(before), _own_time(during)
    was = was[was["requests"] > 0].reindex(now.index)
    asked = now["requests"] / was["requests"] / 1e6
    # calls made beside its requests can outweigh them; less than no time of its own is no measure of what is usual
    usual = (was["ns"].clip(lower=0) * asked).dropna()
    extra = (now["ns"] / 1e6 - usual).dropna()
    # where they do, its own time has grown by as much as it answers later, if that is not theirs
    grown = pd.DataFrame({name: now[name] / 1e6 - was[name] * asked for name in ("ns", "server_ns")}).min(axis=1)
    beside = grown.where(was["ns"] < 0).reindex(extra.index)
    extra = extra.where(~(beside > extra), beside).clip(lower=0.0)
    return _by_name(extra), _by_name(usual)


def _beyond(own: dict[str, float], usual: dict[str, float], during: pd.DataFrame, usually: Fences) -> dict[str, float]:
    if not usually.known:
        return own
    requests = during.groupby("server")["attempts"].sum()
    inside = {name: usually.own_ns[name] * float(requests[name]) / 1e6 for name in own if name in usually.own_ns}
    return {name: max(0.0, own[name] - max(0.0, ms - usual[name])) for name, ms in inside.items()}


def _own_time(calls: pd.DataFrame) -> pd.DataFrame:
    served = calls[calls["server"] != ""].groupby("server", sort=True)[["server_ns", "attempts"]].sum()
    spent = calls[calls["client"] != ""].groupby("client", sort=True)["client_ns"].sum()
    ns = served["server_ns"] - spent.reindex(served.index, fill_value=0)
    return pd.DataFrame({"ns": ns, "server_ns": served["server_ns"], "requests": served["attempts"]})


def _waiting(
    before: pd.DataFrame, during: pd.DataFrame, shared: Collection[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds that calls took beyond the server's spans, above the usual, and the usual of each callee."""
    was, now = (_edges(_by_way(calls, shared), "uncovered_ns", "way") for calls in (before, during))
    was = was.reindex(now.index)
    more = (now["uncovered_ns"] / now["answered"] - was["uncovered_ns"] / was["answered"]) / 1e6
    more = more.where(now["answered"] > 0).fillna(0.0).clip(lower=0.0)
    usual = (was["uncovered_ns"] / was["answered"] * now["answered"] / 1e6).dropna().groupby(level="server").sum()
    booked: dict[str, float] = {}
    for way, rises in more[more.index.get_level_values("way") != ""].groupby(level="way"):
        if len(rises) > 1:
            common = rises.clip(upper=float(rises.quantile(0.5, interpolation="lower")))
            _book(booked, str(way), float((common * now["answered"].reindex(common.index)).sum()))
            more = more.sub(common, fill_value=0.0)
    # a single callee shares its rise with nobody
    everywhere = _common(more, "client").where(more.groupby(level="client").transform("size") > 1, 0.0)
    rest = (more - everywhere).clip(lower=0.0)
    # what a callee's other callers do not wait for either is the caller's, or lies between the two
    theirs = rest.clip(upper=_common(rest, "server"))
    for side, per_call in (("client", more - theirs), ("server", theirs)):
        for name, ms in (per_call * now["answered"]).groupby(level=side, sort=True).sum().items():
            _book(booked, str(name), float(ms))
    return booked, _by_name(usual)


def _common(values: pd.Series[float], side: str) -> pd.Series[float]:
    """[edges] The rise that at least half of the edges of its client, or server, share."""
    middle = values.groupby(level=side).quantile(0.5, interpolation="lower")
    return pd.Series(middle.reindex(values.index.get_level_values(side)).to_numpy(), values.index)


def _vanished(before: pd.DataFrame, during: pd.DataFrame, usually: Fences) -> dict[str, float]:
    was, now = _edges(before, "client_ns"), _edges(during, "client_ns")
    served_before = before[before["server"] != ""].groupby("server")["attempts"].sum()
    served_now = during[during["server"] != ""].groupby("server")["attempts"].sum()
    clients = was.index.get_level_values("client")
    per_request = was["answered"] / served_before.reindex(clients).to_numpy(np.float64)
    asked = served_now.reindex(clients, fill_value=0).to_numpy(np.float64)
    expected = per_request * asked
    short = expected - now["answered"].reindex(was.index, fill_value=0)
    # Calls of one request come together: their count varies by that factor more than a Poisson count.
    error = np.sqrt(expected.clip(lower=1.0) * per_request.clip(lower=1.0))
    gone = short > VANISHED_SIGMA * error
    if usually.known:
        least = np.array([usually.calls.get((str(a), str(b)), 0.0) for a, b in was.index])
        gone &= now["answered"].reindex(was.index, fill_value=0) < least * asked
    lost = (short * was["client_ns"] / was["answered"].clip(lower=1) / 1e6)[gone]
    booked: dict[str, float] = {}
    for client, ms in lost.groupby(level="client", sort=True):
        if 2 * len(ms) > int((clients == client).sum()):
            _book(booked, str(client), float(ms.sum()))
        else:
            for server, one in zip(ms.index.get_level_values("server"), ms.to_numpy(np.float64), strict=True):
                _book(booked, str(server), float(one))
    return booked


def _edges(calls: pd.DataFrame, column: str, *more: str) -> pd.DataFrame:
    rows = calls[(calls["client"] != "") & (calls["server"] != "")]
    return rows.groupby(["client", "server", *more], sort=True)[["answered", column]].sum()


def _by_way(calls: pd.DataFrame, shared: Collection[str]) -> pd.DataFrame:
    return calls.assign(way=calls["peer"].astype(object).where(calls["peer"].isin(shared), ""))


def _book(booked: dict[str, float], service: str, ms: float) -> None:
    booked[service] = booked.get(service, 0.0) + ms


def _by_name(series: pd.Series[float]) -> dict[str, float]:
    return {str(name): float(value) for name, value in series.items()}
