"""Decoded OTLP messages, from whatever encoding -> tables of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import pyarrow as pa

from ..columns import Pairs
from .logs import add_log, log_columns
from .messages import Line, LogRecord, Metric, Resource, Span
from .metrics import MetricRows
from .spans import add_span, span_columns
from .totals import DELTAS
from .values import resource_of

BATCH_ROWS = 50_000
"""Rows gathered before they are handed on: enough for a good row group, a few tens of MB in memory."""

_Item = TypeVar("_Item", Span, LogRecord, Metric)

Refuse = Callable[[ValueError, int], None]
"""Takes why something cannot be used, and how many spans, log records or data points that is."""


class Rows:
    """What was decoded and has not been handed on yet."""

    def __init__(self) -> None:
        self.spans = span_columns()
        self.logs, self.changes = log_columns()
        self.metrics = MetricRows()

    def add(self, line: Line, refused: Refuse) -> None:
        """Add what the line holds; `refused` is told of each resource, span, record or metric that cannot be used."""
        for group in line.resource_spans or ():
            spans = [span for scope in group.scope_spans for span in scope.spans]
            _add_each(spans, group.resource, partial(add_span, self.spans), refused)
        for group in line.resource_logs or ():
            records = [record for scope in group.scope_logs for record in scope.log_records]
            _add_each(records, group.resource, partial(add_log, self.logs, self.changes), refused)
        for group in line.resource_metrics or ():
            metrics = [metric for scope in group.scope_metrics for metric in scope.metrics]
            _add_each(metrics, group.resource, self._add_metric, refused)

    def _add_metric(self, metric: Metric, _: str, resource: Pairs) -> None:
        self.metrics.add(metric, resource)

    def take(self, at_least: int) -> Iterator[tuple[str, pa.Table]]:
        """Every table that has gathered `at_least` rows, DELTAS among them."""
        columns = {
            "spans": self.spans,
            "logs": self.logs,
            "changes": self.changes,
            "samples": self.metrics.samples,
            DELTAS: self.metrics.deltas,
        }
        for table, rows in columns.items():
            if len(rows) >= at_least:
                yield table, rows.take()


def _add_each(
    items: Sequence[_Item], resource: Resource | None, add: Callable[[_Item, str, Pairs], None], refused: Refuse
) -> None:
    try:
        attributes, service = resource_of(resource)
    except ValueError as error:
        refused(error, sum(map(_points, items)))
        return
    for item in items:
        try:
            add(item, service, attributes)
        except ValueError as error:
            refused(error, _points(item))


def _points(item: Span | LogRecord | Metric) -> int:
    return item.points() if isinstance(item, Metric) else 1
