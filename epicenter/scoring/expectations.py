"""What a run must reach: `root_top1=0.97`."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from difflib import get_close_matches

from ..collector.errors import UsageError
from .totals import LESS_IS_BETTER, NO_METRIC, Totals

METRICS = tuple(field.name for field in fields(Totals) if field.name not in NO_METRIC)


@dataclass(frozen=True)
class Expectation:
    """The least that a metric may be, or the most where less is better."""

    metric: str
    bound: float

    def broken_by(self, totals: Totals) -> str | None:
        """A sentence if the totals do not meet it, None if they do; a metric without a value meets nothing."""
        value: float | None = getattr(totals, self.metric)
        if value is None:
            return f"{self.metric} has no value here; it was to be {self._side()} {self.bound:g}"
        met = value <= self.bound if self.metric in LESS_IS_BETTER else value >= self.bound
        return None if met else f"{self.metric} is {value:g}; it was to be {self._side()} {self.bound:g}"

    def _side(self) -> str:
        return "at most" if self.metric in LESS_IS_BETTER else "at least"


def parse_expectation(text: str) -> Expectation:
    """Read METRIC=VALUE; UsageError where the metric is none, or the value no number.

    >>> parse_expectation("root_top1=0.97")
    Expectation(metric='root_top1', bound=0.97)
    """
    metric, _, value = text.partition("=")
    if metric not in METRICS:
        near = get_close_matches(metric, METRICS, n=1, cutoff=0.0)
        raise UsageError(f"--fail-under {text}: there is no metric {metric!r}; did you mean {near[0]!r}?")
    try:
        bound = float(value)
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise UsageError(f"--fail-under {text}: write METRIC=VALUE with a number, such as root_top1=0.97")
    return Expectation(metric, bound)
