"""A world's metrics as a prometheus-client collector: at each scrape, the state of that moment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..world.history import History
from .exemplars import Exemplars
from .metrics import Family, families
from .mix import DEFAULT
from .sdk import Tally

STEP_S = 15.0
"""The metrics move each so many seconds of world time."""


class WorldMetrics(Collector):
    """The families of a history at the moment that `world_time` tells."""

    def __init__(
        self,
        history: History,
        world_time: Callable[[], float],
        speed: float,
        tally: Tally,
        metrics: Sequence[str] = DEFAULT.metrics,
        exemplars: Exemplars | None = None,
    ) -> None:
        self._history, self._world_time, self._speed, self._tally = history, world_time, speed, tally
        self._step_s, self._reached = max(STEP_S, history.tick_s), history.start
        self._families = list(families(history, self._step_s, metrics))
        self._exemplars = exemplars or Exemplars()
        self._exemplars.watch(self._families)

    def describe(self) -> Iterable[Metric]:
        """Names only, so that registering does not scrape."""
        return [Metric(_plain(family), family.help, family.kind) for family in self._families]

    def collect(self) -> Iterable[Metric]:
        """All series that exist by now."""
        # counters must not fall because the wall's clock was set back
        self._reached = now = min(max(self._reached, self._world_time()), self._history.end)
        step = max(0, int((now - self._history.start) / self._step_s + 1e-9))
        for family in self._families:
            metric = Metric(_plain(family), family.help, family.kind)
            for series in family.series:
                value = float(series.values[min(step, len(series.values) - 1)])
                if not math.isnan(value):
                    metric.add_sample(family.name + series.suffix, dict(series.labels), value)
            metric.samples = self._exemplars.shown(family.name, metric.samples)
            if metric.samples:
                yield metric
        yield GaugeMetricFamily("epicenter_emit_world_time_seconds", "World time, in Unix seconds.", now)
        yield GaugeMetricFamily("epicenter_emit_speed", "World seconds per second on the wall.", self._speed)
        yield CounterMetricFamily("epicenter_emit_spans", "Spans that were due.", self._tally.spans)
        yield CounterMetricFamily(
            "epicenter_emit_spans_dropped", "Of these, spans that were not delivered.", self._tally.dropped
        )


def _plain(family: Family) -> str:
    """The name as the client wants it, which appends `_total` to counters by itself."""
    return family.name.removesuffix("_total") if family.kind == "counter" else family.name
