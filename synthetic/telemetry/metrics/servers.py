"""HTTP servers in the names of their own libraries: Prometheus' Go client, and Micrometer for Java."""

from __future__ import annotations

from collections.abc import Iterator

from ..conventions import method_of, route_of
from ..flows import Flow, Served, answers_calls, served
from .base import Family
from .grid import Grid
from .shapes import counters, histogram


def servers(grid: Grid) -> Iterator[Family]:
    """Requests by status and their durations; Java's servers tell it by Micrometer."""
    parts = [part for part in served(grid.history) if answers_calls(part.service)]
    by_client = [part for part in parts if part.service.language != "java"]
    counts = (_flow(part, code=part.status) for part in by_client)
    yield counters(grid, "http_requests_total", "Requests by status.", counts)
    told = "Time of requests."
    yield histogram(grid, "http_request_duration_seconds", told, (_flow(part, code=part.status) for part in by_client))
    java = (
        _flow(part, status=part.status, outcome="SUCCESS" if part.status == "200" else "SERVER_ERROR")
        for part in parts
        if part.service.language == "java"
    )
    yield histogram(grid, "http_server_requests_seconds", told, java)


def _flow(part: Served, **labels: str) -> Flow:
    name, operation = part.service.name, part.service.operation
    java = "outcome" in labels
    where = {"uri" if java else "handler": route_of(operation), "method": method_of(operation)}
    return Flow({"job": name, **where, **labels}, part.count, part.mean_s, job=name)
