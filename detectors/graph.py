"""Who depends on whom: services and the names they are addressed by, from the calls themselves."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from itertools import pairwise

import numpy as np
import pandas as pd

from ..collector.edges import category
from ..collector.model import Windows
from .cusum import LEAST_RISE
from .once import Once
from .series import Indices

_NAMES = 2**16
"""Names of which it is known whether they are a machine's own: more than most estates have."""


@dataclass(frozen=True)
class Graph:
    """Services and names as nodes; a call through a name makes caller -> name -> owner.

    owners: name -> the service that answers there ("" where none was ever seen to).
    callees: node -> its direct dependencies, sorted.
    callers: node -> who depends on it directly, sorted.
    entries: services that users reach directly.
    """

    owners: dict[str, str]
    callees: dict[str, tuple[str, ...]]
    callers: dict[str, tuple[str, ...]]
    entries: tuple[str, ...]

    def service(self, node: str) -> str:
        """The service behind a node: the node itself, or the owner of the name."""
        return self.owners.get(node, node)

    def path(self, start: str, goal: str, through: Collection[str] | None = None) -> tuple[str, ...]:
        """The shortest chain of dependencies from `start` to `goal`, both included; () where there is none.

        through: services that the chain may pass; None allows all. Names are passed with their services.
        """
        came_from: dict[str, str] = {start: ""}
        queue = deque([start])
        while queue:
            node = queue.popleft()
            if node == goal:
                return _trail(came_from, goal)
            for callee in self.callees.get(node, ()):
                passable = callee == goal or through is None or self.service(callee) in through
                if passable and callee not in came_from:
                    came_from[callee] = node
                    queue.append(callee)
        return ()


def closure(edges: Mapping[str, Collection[str]], nodes: Collection[str]) -> set[str]:
    """These nodes, and all that edges lead to from them: with `callees` those they depend on, with `callers` those that
    depend on them."""
    seen, todo = set(nodes), list(nodes)
    while todo:
        new = {*edges.get(todo.pop(), ())} - seen
        seen |= new
        todo += new
    return seen


def standing_behind(graph: Graph, node: str, others: Collection[str]) -> Graph:
    """The graph with a node that nobody calls and on which others depend: a resolver, a device, a cache."""
    callees = graph.callees | {other: tuple(sorted({*graph.callees.get(other, ()), node})) for other in others}
    callers = graph.callers | {node: tuple(sorted({*graph.callers.get(node, ()), *others}))}
    return replace(graph, callees=callees, callers=callers)


def dependency_graph(windows: Windows) -> Graph:
    """Read the graph off the calls; which service owns a name is told by who answered there most."""
    owners = name_owners(windows)
    entered = windows.edges.any(windows.calls["entries"] > 0)
    names = windows.edges.names
    entries = {*names["server"][entered & (names["client"] == "")].tolist()} - {""}
    nodes, client, answers, peer = _ends(windows, owners)
    through, unnamed = peer != 0, peer == 0
    starts = np.concatenate([client[through], peer[through], client[unnamed]])
    ends = np.concatenate([peer[through], answers[through], answers[unnamed]])
    hops = (starts != 0) & (ends != 0) & (starts != ends)
    starts, ends = starts[hops], ends[hops]
    return Graph(owners, _grouped(nodes, starts, ends), _grouped(nodes, ends, starts), tuple(sorted(entries)))


def _ends(windows: Windows, owners: Mapping[str, str]) -> tuple[list[str], Indices, Indices, Indices]:
    """All nodes in order, "" first, and the numbers of who calls, of who answers or would, and of the name: [edges]."""
    sides = [windows.edges.categories[side] for side in ("client", "server", "peer")]
    told = [side.categories.tolist() for side in sides]
    owned = [owners.get(name, "") for name in told[2]]
    nodes = sorted({""}.union(*told, owned))
    place = {name: number for number, name in enumerate(nodes)}
    client, server, peer, owner = (
        np.array([place[name] for name in names], np.int64)[side.codes]
        for names, side in zip((*told, owned), (*sides, sides[2]), strict=True)
    )
    return nodes, client, np.where(server != 0, server, owner), peer


@Once
def name_owners(windows: Windows) -> dict[str, str]:
    """Map each addressed name to its service.

    A name belongs to who answers there. One by which several are reached, none of them by its own name, is that of a
    gateway, or of a service that sends no spans: it belongs to none of them. A name that never was answered belongs to
    the service that its first label names, if there is one: the convention of Kubernetes' DNS specification and of
    most private zones. It does not where that service calls the name itself, or answers by others: it would have here.
    """
    client, server, peer = (windows.edges.categories[side] for side in ("client", "server", "peer"))
    seen = np.asarray(server != "", np.bool_)
    pairs, of = np.unique(peer.codes[seen] * np.int64(len(server.categories)) + server.codes[seen], return_inverse=True)
    attempts = np.bincount(of, windows.edges.total(windows.calls["attempts"])[seen], len(pairs))
    names, servers = peer.categories.tolist(), server.categories.tolist()
    answered: dict[str, dict[str, float]] = {name: {} for name in names if name}
    for pair, made in zip(pairs.tolist(), attempts.tolist(), strict=True):
        name, answers = divmod(pair, len(servers))
        answered.setdefault(names[name], {})[servers[answers]] = made
    named = seen & np.asarray((client != "") & (peer != ""), np.bool_)
    silent = windows.edges.services - {servers[code] for code in np.unique(server.codes[named])} - {""}
    unheard = np.asarray(~np.isin(peer.codes, peer.codes[seen]), np.bool_)
    callers: dict[str, set[str]] = {}
    for name, caller in zip(peer[unheard], client[unheard], strict=True):
        callers.setdefault(name, set()).add(caller)
    return {
        name: _owner(name, by_server) if by_server else label_owner(name, silent - callers[name])
        for name, by_server in answered.items()
        if name
    }


def _owner(name: str, by_server: dict[str, float]) -> str:
    """Whose the name is that these answer by so often, "" where it is none of theirs."""
    if len(by_server) == 1:
        return next(iter(by_server))
    busiest = min(by_server, key=lambda server: (-by_server[server], server))
    alone = by_server[busiest] >= (1 - LEAST_RISE) * sum(by_server.values())
    return busiest if alone or is_loopback(name) else label_owner(name, by_server)


@Once
def shared_names(windows: Windows) -> frozenset[str]:
    """The names by which several answer, none of them by its own; and those that nobody ever answered."""
    return frozenset(name for name, owner in name_owners(windows).items() if not owner)


@Once
def callees(windows: Windows) -> pd.Categorical:
    """[edges] Who is called: who answers, and where nobody does whom the name belongs to, or else the name.

    Behind a loopback address of each machine is another process: the only one that answers the caller there, or "".
    """
    owners, server, peer = name_owners(windows), *(windows.edges.categories[side] for side in ("server", "peer"))
    answers = server.categories.tolist()
    called = [owners.get(name) or name for name in peer.categories.tolist()]
    places = {name: place for place, name in enumerate(sorted({*answers, *called}))}
    by_answer, by_name = (np.array([places[name] for name in names], np.int64) for names in (answers, called))
    codes = np.where(np.asarray(server != "", np.bool_), by_answer[server.codes], by_name[peer.codes])
    known = pd.Categorical.from_codes(codes, pd.Index([*places], dtype=server.categories.dtype), validate=False)
    local = [name for name in peer.categories if is_loopback(name)]
    return _on_their_machine(windows, known, local) if local else known


def _on_their_machine(windows: Windows, callee: pd.Categorical, local: Collection[str]) -> pd.Categorical:
    names = windows.edges.names
    at_home = names["peer"].isin(local)
    pairs = names.loc[at_home & (names["server"] != ""), ["client", "server"]].drop_duplicates()
    only = dict(pairs.drop_duplicates("client", keep=False).itertuples(index=False))
    known = pd.Series(callee.astype(object))
    told = pd.Series([only.get(client, "") for client in names["client"]])
    return category(known.mask(at_home & (names["server"] == ""), told))


@Once
def asked(windows: Windows) -> pd.Categorical:
    """[edges] Who is asked: the callee, or a name that belongs to none of those who answer by it."""
    answers, names = callees(windows), windows.edges.names["peer"]
    shared = names.isin(shared_names(windows)).to_numpy(np.bool_)
    return category(pd.Series(answers.astype(object)).mask(shared, names)) if shared.any() else answers


@lru_cache(_NAMES)  # the names of an estate are asked of again with each look
def is_loopback(name: str) -> bool:
    """Whether a name or an address is that of the machine that calls it."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.partition(".")[0] == "localhost"


def label_owner(name: str, services: Collection[str]) -> str:
    """The service that the first label of a host name names; "" where there is none."""
    label = name.partition(".")[0]
    return label if label in services else ""


def _grouped(nodes: list[str], starts: Indices, ends: Indices) -> dict[str, tuple[str, ...]]:
    """The different ends of each start, all in order."""
    start, end = np.divmod(np.unique(starts * len(nodes) + ends), len(nodes))
    different, first = np.unique(start, return_index=True)
    named, bounds = [nodes[at] for at in end.tolist()], pairwise([*first.tolist(), len(end)])
    return {nodes[at]: tuple(named[begin:until]) for at, (begin, until) in zip(different.tolist(), bounds, strict=True)}


def _trail(came_from: dict[str, str], goal: str) -> tuple[str, ...]:
    trail = [goal]
    while came_from[trail[-1]]:
        trail.append(came_from[trail[-1]])
    return tuple(reversed(trail))
