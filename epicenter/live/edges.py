"""Windows -> the few numbers of edges and names that /metrics shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..collector.model import DNS_CLASSES, Windows

MOST_EDGES = 100
MOST_NAMES = 100

Shown = list[tuple[tuple[str, str], float]]
"""Name and class -> failed look-ups."""


@dataclass(frozen=True)
class Edge:
    """A caller and whom it calls, by the name that was addressed where nobody answered.

    amplification: attempts per original; goodput: good ends per original, from 0 to 1.
    """

    client: str
    server: str
    amplification: float
    goodput: float


def busiest(windows: Windows) -> list[Edge]:
    """The edges with the most attempts in the last whole window."""
    calls = windows.calls
    last = calls[(calls["window"] == windows.end - windows.window_s) & (calls["client"] != "")]
    if last.empty:
        return []
    named = last.assign(server=last["server"].where(last["server"] != "", last["peer"]))
    sums = named.groupby(["client", "server"], sort=True)[["attempts", "originals", "errors"]].sum()
    top = sums.nlargest(MOST_EDGES, "attempts")
    found: list[Edge] = []
    for (client, server), attempts, originals, errors in zip(
        top.index, top["attempts"], top["originals"], top["errors"], strict=True
    ):
        whole = max(1, int(originals))
        good = min(1.0, (int(attempts) - int(errors)) / whole)
        found.append(Edge(str(client), str(server), int(attempts) / whole, good))
    return found


@dataclass
class Failures:
    """Failed look-ups by name and class since the start, as counters: they never go down while they are shown.

    What one window held is remembered while it may still change. since: Unix seconds; windows before are not counted.
    """

    since: float = 0.0
    counts: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    _windows: dict[int, dict[tuple[str, str], float]] = field(default_factory=dict[int, dict[tuple[str, str], float]])

    def update(self, windows: Windows, closed_until: float) -> None:
        """Add what is new in the windows since the last update."""
        for window, found in _failed(windows, min(self._windows, default=self.since)).items():
            before = self._windows.setdefault(window, {})
            for key, count in found.items():
                more = count - before.get(key, 0.0)
                if more > 0:
                    self.counts[key] = self.counts.get(key, 0.0) + more
                    before[key] = count
        # one that is closed stays as a mark, so that it is not counted again
        old = sorted(window for window in self._windows if window + windows.window_s <= closed_until)
        for window in old[:-1]:
            del self._windows[window]

    def shown(self) -> Shown:
        """Those of the names that fail most."""
        totals: dict[str, float] = {}
        for (name, _), count in self.counts.items():
            totals[name] = totals.get(name, 0.0) + count
        names = set(sorted(totals, key=lambda name: (-totals[name], name))[:MOST_NAMES])
        return sorted((key, count) for key, count in self.counts.items() if key[0] in names)


def _failed(windows: Windows, since: float) -> dict[int, dict[tuple[str, str], float]]:
    """Failed look-ups of spans, by window, name and class."""
    columns = {f"errors_dns_{kind}": kind for kind in DNS_CLASSES}
    calls = windows.calls
    rows = calls[(calls["window"] >= since) & (calls["peer"] != "") & (calls[list(columns)].sum(axis=1) > 0)]
    found: dict[int, dict[tuple[str, str], float]] = {}
    for column, kind in columns.items():
        for window, name, count in zip(rows["window"], rows["peer"], rows[column], strict=True):
            if count:
                inside = found.setdefault(int(window), {})
                inside[str(name), kind] = inside.get((str(name), kind), 0.0) + float(count)
    return found
