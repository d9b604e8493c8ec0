"""Users' requests that a proxy before the estate failed, and no span or counter behind it tells of.

A proxy that finds no server, waits in vain for one or drops what queues too long answers its users itself: who stands
behind it never sees these requests, or ends them well when nobody waits for them any more. HAProxy counts by backend
all that it answered, its own answers included. As users are told of by who stands behind it, nothing of that counts
twice:

- a backend is the service of its name, if users come in there; if others call that one, they tell of it and the backend
  is left out;
- a backend by a name of its own stands for those services where users come in that no other backend names. It may as
  well be one further inside, so that it fails only what nobody at all has failed;
- where nothing tells of users, it is where they come in.

Only what it fails beyond what they fail counts, and where they tell of less than half of what it answered, the rest of
that too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..collector.model import Windows
from .base import MOSTLY
from .gate import entered
from .graph import label_owner
from .series import Floats, Indices, concept, tally
from .service_graph import NO_CALLS

_FAILED, _GOOD = "server", ""


@dataclass(frozen=True)
class _Told:
    """Requests of users as something tells of them, by window: how many, and how many of them failed."""

    came: Floats
    failed: Floats


def proxied(windows: Windows, counted: pd.DataFrame, services: frozenset[str]) -> pd.DataFrame:
    """Rows of window, client, server, peer, attempts, failure and entries of what proxies alone tell of.

    counted: such rows of what other counters tell, scaled as spans are. services: names that are services.
    """
    rows = concept(windows, "proxied")
    if rows.empty:
        return NO_CALLS
    behind = _by_backend(windows, "proxied"), _by_backend(windows, "proxied_errors")
    nothing = np.zeros_like(next(iter(behind[0].values())))
    backends = {name: _Told(came, behind[1].get(name, nothing)) for name, came in behind[0].items()}
    read = (rows["window"].unique() - windows.start) // windows.window_s
    read = np.sort(read[(read >= 0) & (read < len(nothing))])
    found = [
        _rows(windows, server, *_beyond(_sum(backends[name] for name in names), users, told, read))
        for server, names, users, told in _grouped(windows, counted, services, backends)
    ]
    return pd.concat(found, ignore_index=True) if found else NO_CALLS


def _grouped(
    windows: Windows, counted: pd.DataFrame, services: frozenset[str], backends: dict[str, _Told]
) -> Iterator[tuple[str, list[str], _Told, Floats]]:
    """Whom users met, the backends that stand for it, its users as others tell of them, and the failures told of."""
    users = _users(windows, counted)
    called = {*windows.edges.names["server"][windows.edges.names["client"] != ""]}
    called |= {*counted["server"][counted["client"] != ""]}
    owners = {name: label_owner(name, services) for name in backends}
    nothing = np.zeros_like(next(iter(backends.values())).came)
    nobody = _Told(nothing, nothing)
    for owner in sorted({*owners.values()} - {""}):
        if owner in users or owner not in called:
            told = users.get(owner, nobody)
            yield owner, [name for name in backends if owners[name] == owner], told, told.failed
    others = [name for name in backends if not owners[name]]
    if not users:
        yield from ((name, [name], nobody, nobody.failed) for name in others)
        return
    met = sorted(users.keys() - {*owners.values()})
    if (
        met and len(others) == 1
    ):  # of several nobody knows which is in front of whom, and one may be in front of no service
        server = met[0] if len(met) == 1 else others[0]
        yield server, others, _sum(users[name] for name in met), _errors(windows, counted)


def _beyond(proxy: _Told, users: _Told, told: Floats, read: Indices) -> tuple[Indices, Floats, Floats]:
    """The windows in which the proxy was read, and how many requests it failed and answered beyond what else is told.

    Spans may be of a share of the requests: that of those which ended well, since of others the two may tell different
    things. A reading holds what came since the one before, and is taken a moment later or earlier than spans end.
    """
    well = float((proxy.came - proxy.failed).sum())
    share = min(1.0, float((users.came - users.failed).sum()) / well) if well > 0 and users.came.any() else 1.0
    since = np.concatenate([read[:1] - 1, read[:-1]])
    near = _between(told, since, read + 2)
    failed = np.maximum(share * proxy.failed[read] - near, 0.0)
    came, seen = share * proxy.came[read], _between(users.came, since + 1, read + 1)
    good = np.where(seen < MOSTLY * came, np.maximum(came - seen - failed, 0.0), 0.0)
    return read, failed, good


def _between(counts: Floats, start: Indices, end: Indices) -> Floats:
    """[stretches] The counts of the windows from `start` until before `end`."""
    until = np.concatenate([[0.0], np.cumsum(counts)])
    return until[np.clip(end, 0, len(counts))] - until[np.clip(start, 0, len(counts))]


def _rows(windows: Windows, server: str, read: Indices, failed: Floats, good: Floats) -> pd.DataFrame:
    attempts = np.concatenate([failed, good])
    window = windows.start + windows.window_s * np.concatenate([read, read])
    failure = np.repeat([_FAILED, _GOOD], len(read))
    rows = pd.DataFrame({"window": window, "attempts": attempts, "failure": failure, "entries": attempts})
    return rows[attempts > 0].assign(client="", server=server, peer="")


def _users(windows: Windows, counted: pd.DataFrame) -> dict[str, _Told]:
    """Whom users met, by spans and by counters."""
    seen = entered(windows)[["window", "component", "entries", "failed"]].astype({"component": str})
    more = counted.loc[counted["entries"] > 0, ["window", "server", "entries", "failure"]]
    more = more.assign(component=more["server"], failed=more["entries"].where(more["failure"] != "", 0.0))
    rows = pd.concat([seen, more], ignore_index=True)
    table = tally(windows, rows, ("component",), ("entries", "failed"))
    told = map(_Told, table["entries"], table["failed"])
    return {name: users for name, users in zip(table.names("component"), told, strict=True) if name}


def _errors(windows: Windows, counted: pd.DataFrame) -> Floats:
    """[windows] All calls of anybody that failed."""
    bad = counted.loc[counted["failure"] != "", ["window", "attempts"]].rename(columns={"attempts": "errors"})
    rows = pd.concat([windows.calls[["window", "errors"]], bad], ignore_index=True).assign(all="")
    table = tally(windows, rows, ("all",), ("errors",))
    return table["errors"].sum(axis=0)


def _by_backend(windows: Windows, name: str) -> dict[str, Floats]:
    table = tally(windows, concept(windows, name), ("component",), ("value",))
    return dict(zip(table.names("component"), table["value"], strict=True))


def _sum(told: Iterator[_Told]) -> _Told:
    all_of = list(told)
    return _Told(np.sum([t.came for t in all_of], axis=0), np.sum([t.failed for t in all_of], axis=0))
