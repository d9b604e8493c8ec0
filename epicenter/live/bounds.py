"""Names are bounded, whatever is sent: what goes beyond is counted as one, named `__overflow__`."""

from __future__ import annotations

import pyarrow as pa

from .arrow import compute

OVERFLOW = "__overflow__"


class Bounds:
    """Which services, host names and edges are known by name: those that came first.

    services, names, edges: how many of each.
    """

    def __init__(self, services: int, names: int, edges: int) -> None:
        self._most = {"service": services, "name": names, "edge": edges}
        self._known: dict[str, dict[object, None]] = {kind: {} for kind in self._most}

    @property
    def services(self) -> int:
        """How many services are known."""
        return len(self._known["service"])

    @property
    def full(self) -> bool:
        """Whether something that is new would be folded."""
        return any(len(known) >= self._most[kind] for kind, known in self._known.items())

    def folded(self, calls: pa.Table) -> tuple[pa.Table, dict[str, int]]:
        """The table with what is too much folded into OVERFLOW (rows to be merged), and attempts folded by kind."""
        counts = dict.fromkeys(self._most, 0)
        for column, kind in (("client", "service"), ("server", "service"), ("peer", "name")):
            keep = self._admitted(kind, compute.unique(calls[column]).to_pylist())
            if keep is not None:
                calls, folded = _fold(calls, compute.is_in(calls[column], pa.array(keep, pa.string())), (column,))
                counts[kind] += folded
        edges = list(zip(*(calls[name].to_pylist() for name in ("client", "server", "peer")), strict=True))
        if self._admitted("edge", sorted(set(edges))) is not None:
            known = self._known["edge"]
            inside = pa.array([edge in known or OVERFLOW in edge for edge in edges], pa.bool_())
            calls, counts["edge"] = _fold(calls, inside, ("client", "server", "peer"))
        return calls, counts

    def _admitted(self, kind: str, found: list[str] | list[tuple[str, ...]]) -> list[object] | None:
        """Those of `found` that are known, or None if all are."""
        known, left_out = self._known[kind], False
        for one in sorted(found):
            if one in known or one in ("", OVERFLOW):
                continue
            if len(known) < self._most[kind]:
                known[one] = None
            else:
                left_out = True
        return [*known, "", OVERFLOW] if left_out else None

    def restart(self, calls: pa.Table) -> None:
        """Know again only what `calls` holds, so that what went away makes room."""
        for known in self._known.values():
            known.clear()
        self.folded(calls)


def _fold(calls: pa.Table, inside: pa.ChunkedArray | pa.Array, columns: tuple[str, ...]) -> tuple[pa.Table, int]:
    folded = compute.sum(calls["attempts"].filter(compute.invert(inside))).as_py() or 0
    for name in columns:
        values = compute.if_else(inside, calls[name], OVERFLOW)
        calls = calls.set_column(calls.schema.get_field_index(name), name, values)
    return calls, folded
