"""Who depends on whom: services and the names they are addressed by, from the calls themselves."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

import pandas as pd

from .series import Flags


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


def dependency_graph(calls: pd.DataFrame) -> Graph:
    """Read the graph off `calls`; which service owns a name is told by who answered there most."""
    owners = name_owners(calls)
    edges: set[tuple[str, str]] = set()
    pairs = calls[["client", "server", "peer"]].drop_duplicates()
    for client, server, peer in pairs.itertuples(index=False):
        owner = server or owners.get(peer, "")
        hops = [node for node in (client, peer, owner) if node]
        edges.update((a, b) for a, b in itertools.pairwise(hops) if a != b)
    entered = calls["server"][(calls["entries"] > 0) & (calls["client"] == "")]
    entries = tuple(sorted(set(entered.unique()) - {""}))
    return Graph(owners, _grouped(edges), _grouped({(b, a) for a, b in edges}), entries)


def name_owners(calls: pd.DataFrame) -> dict[str, str]:
    """Map each addressed name to its service.

    A name that never was answered belongs to the service that its first label names, if there is
    one: the convention of Kubernetes' DNS specification and of most private zones.
    """
    answered = calls["attempts"].groupby([calls["peer"], calls["server"]]).sum().reset_index()
    answered = answered[(answered["peer"] != "") & (answered["server"] != "")]
    # By peer, the busiest first; among equals the first by name, as the groups come sorted.
    best = answered.sort_values("attempts", ascending=False, kind="stable").drop_duplicates("peer")
    owners = dict(zip(best["peer"].astype(str), best["server"].astype(str), strict=True))
    services = {*calls["server"].unique(), *calls["client"].unique()} - {""}
    for peer in sorted(set(calls["peer"].unique()) - set(owners) - {""}):
        owners[str(peer)] = label_owner(str(peer), services)
    return owners


def each(names: pd.Series[str], of: Callable[[str], str]) -> pd.Series[str]:
    """What `of` says of every name, asked once about each: a day has millions of rows and few names."""
    codes, different = pd.factorize(names)
    said = pd.Series([of(str(name)) for name in different]).astype(names.dtype)
    return said.take(codes).set_axis(names.index)


def instead(names: pd.Series[str], where: Flags, others: pd.Series[str]) -> pd.Series[str]:
    """The names with `others` (as many as `where` is true) in place of some, through their numbers: to set strings of a
    day makes an object of each."""
    codes, different = pd.factorize(names)
    other_codes, other_different = pd.factorize(others)
    codes[where] = len(different) + other_codes
    said = pd.Series([*different, *other_different]).astype(names.dtype)
    return said.take(codes).set_axis(names.index)


def label_owner(name: str, services: Collection[str]) -> str:
    """The service that the first label of a host name names; "" where there is none."""
    label = name.partition(".")[0]
    return label if label in services else ""


def _grouped(edges: set[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, list[str]] = {}
    for start, end in sorted(edges):
        grouped.setdefault(start, []).append(end)
    return {start: tuple(ends) for start, ends in grouped.items()}


def _trail(came_from: dict[str, str], goal: str) -> tuple[str, ...]:
    trail = [goal]
    while came_from[trail[-1]]:
        trail.append(came_from[trail[-1]])
    return tuple(reversed(trail))
