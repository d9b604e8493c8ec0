"""Windows -> the few numbers of edges and names that /metrics shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..collector.failures import classify
from ..collector.model import DNS_CLASSES, Windows

MOST_EDGES = 100
MOST_NAMES = 100
MOST_KEPT = 1_000
"""Names whose failures are counted, that those that fail most are known when they come to be."""

_Failed = dict[tuple[str, str], float]
"""Name and class -> failed look-ups, of one window."""

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

        self._forget()

    def _forget(self) -> None:
        """Let the names go that failed least, where there are many more than are shown."""
        totals = self._totals()
        if len(totals) > MOST_KEPT:
            names = set(_first(totals, MOST_KEPT // 2))
            self.counts = {key: count for key, count in self.counts.items() if key[0] in names}

    def _totals(self) -> dict[str, float]:
        totals: dict[str, float] = {}
        for (name, _), count in self.counts.items():
            totals[name] = totals.get(name, 0.0) + count
        return totals

    def shown(self) -> Shown:
        """Those of the names that fail most."""
        names = set(_first(self._totals(), MOST_NAMES))
        return sorted((key, count) for key, count in self.counts.items() if key[0] in names)


def _first(totals: dict[str, float], most: int) -> list[str]:
    return sorted(totals, key=lambda name: (-totals[name], name))[:most]


def _failed(windows: Windows, since: float) -> dict[int, _Failed]:
    """Failed look-ups by window, name and class: of spans, or of counters where those tell of more of the name."""
    found = _in_spans(windows, since)
    for window, counted in _in_counters(windows, since).items():
        sampled = found.get(window, {})
        names = {name for name, _ in counted}
        fewer = {name for name in names if _of(counted, name) > _of(sampled, name)}
        kept = {key: count for key, count in sampled.items() if key[0] not in fewer}
        found[window] = kept | {key: count for key, count in counted.items() if key[0] in fewer}
    return found


def _of(failed: _Failed, name: str) -> float:
    return sum(count for (other, _), count in failed.items() if other == name)


def _in_spans(windows: Windows, since: float) -> dict[int, _Failed]:
    columns = {f"errors_dns_{kind}": kind for kind in DNS_CLASSES}
    calls = windows.calls
    rows = calls[(calls["window"] >= since) & (calls["peer"] != "") & (calls[list(columns)].sum(axis=1) > 0)]
    found: dict[int, _Failed] = {}
    for column, kind in columns.items():
        for window, name, count in zip(rows["window"], rows["peer"], rows[column], strict=True):
            if count:
                _add(found, int(window), (str(name), kind), float(count))
    return found


def _in_counters(windows: Windows, since: float) -> dict[int, _Failed]:
    rows = windows.signals
    rows = rows[(rows["window"] >= since) & (rows["concept"] == "dns_lookup_failures") & (rows["value"] > 0)]
    found: dict[int, _Failed] = {}
    for window, name, word, count in zip(rows["window"], rows["component"], rows["item"], rows["value"], strict=True):
        _, dns, kind = classify(str(word)).partition("dns_")
        _add(found, int(window), (str(name), kind if dns else "unspecified"), float(count))
    return found


def _add(found: dict[int, _Failed], window: int, key: tuple[str, str], count: float) -> None:
    inside = found.setdefault(window, {})
    inside[key] = inside.get(key, 0.0) + count
