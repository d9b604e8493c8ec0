"""Names are bounded, whatever is sent: what goes beyond is counted as one, named `__overflow__`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from .arrow import compute
from .config import Limits

OVERFLOW = "__overflow__"

_EDGE = ("client", "server", "peer")
_UNNAMED = ("", OVERFLOW)

_Edge = tuple[str, ...]
"""Client, server and the host name that was called."""


class Bounds:
    """Which services, host names and edges are known by name: those that came first, of each service not too many.

    A name needs an edge, so that the bound on a service's edges is one on its names too.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # sets, as keys
        self._services, self._names, self._edges = dict[str, None](), dict[str, None](), dict[_Edge, None]()
        self._of_client = Counter[str]()

    @property
    def services(self) -> int:
        """How many services are known."""
        return len(self._services)

    @property
    def full(self) -> bool:
        """Whether something that is new would be folded."""
        limits, known = self._limits, (self._services, self._names, self._edges)
        most_of_one = max((of for client, of in self._of_client.items() if client not in _UNNAMED), default=0)
        return most_of_one >= limits.service_edges or any(
            len(found) >= most for found, most in zip(known, (limits.services, limits.names, limits.edges), strict=True)
        )

    def known(self, versions: pa.Table) -> pa.Table:
        """VERSIONS without those of services that are not known by name."""
        return versions.filter(compute.is_in(versions["service"], pa.array([*self._services], pa.string())))

    def folded(self, calls: pa.Table) -> tuple[pa.Table, dict[str, int]]:
        """The table with what is too much folded into OVERFLOW (rows to be merged), and attempts folded by kind."""
        counts: dict[str, int] = {"service": 0, "name": 0, "edge": 0}
        rows: list[_Edge] = list(zip(*(calls[name].to_pylist() for name in _EDGE), strict=True))
        places = {edge: self._place(edge) for edge in sorted(set(rows) - self._edges.keys())}
        if all(place == edge for edge, (place, _) in places.items()):
            return calls, counts
        for edge, attempts in zip(rows, calls["attempts"].to_pylist(), strict=True):
            for kind in places[edge][1] if edge in places else ():
                counts[kind] += attempts
        placed = zip(*(places[edge][0] if edge in places else edge for edge in rows), strict=True)
        for name, values in zip(_EDGE, placed, strict=True):
            calls = calls.set_column(calls.schema.get_field_index(name), name, pa.array(values, pa.string()))
        return calls, counts

    def _place(self, edge: _Edge) -> tuple[_Edge, Sequence[str]]:
        """Where an edge is counted, which is known from now on; and kinds of which it was too much."""
        services = [self._service(name) for name in edge[:2]]
        kinds = ["service" for name, known in zip(edge[:2], services, strict=True) if name != known]
        client, peer = services[0], edge[2]
        named = peer in self._names or peer in _UNNAMED or len(self._names) < self._limits.names
        place = (*services, peer if named else OVERFLOW)
        if place not in self._edges and place[1:] != (OVERFLOW, OVERFLOW):
            if client not in _UNNAMED and self._of_client[client] >= self._limits.service_edges:
                return (client, OVERFLOW, OVERFLOW), [*kinds, "edge"]
            if len(self._edges) >= self._limits.edges:
                return (OVERFLOW,) * 3, [*kinds, "edge"]
            self._know(place)
        return place, kinds if named else [*kinds, "name"]

    def _service(self, name: str) -> str:
        if name not in self._services and name not in _UNNAMED:
            if len(self._services) >= self._limits.services:
                return OVERFLOW
            self._services[name] = None
        return name

    def _know(self, edge: _Edge) -> None:
        self._edges[edge] = None
        self._of_client[edge[0]] += 1
        if edge[2] not in _UNNAMED:
            self._names[edge[2]] = None

    def restart(self, calls: pa.Table) -> None:
        """Know again only what `calls` holds, so that what went away makes room."""
        for known in (self._services, self._names, self._edges, self._of_client):
            known.clear()
        self.folded(calls)
