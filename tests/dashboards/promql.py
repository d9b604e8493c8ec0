"""A panel's expression as Prometheus gets it from Grafana, and the metrics that it asks for."""

from __future__ import annotations

import re

import promql_parser
from promql_parser import MatchOp, MatrixSelector, VectorSelector

_CHOICES = ("cluster", "namespace", "job", "peer", "name", "instance")
GRAFANA = {"$__rate_interval": "5m", "$timeout": "60"} | {f"${name}": ".*" for name in _CHOICES}
"""Every variable at its value for "All"; the interval is what Grafana makes of 60 s between scrapes, and a bit more."""


def plain(expr: str) -> str:
    """The expression with Grafana's variables filled in; KeyError for one that the dashboard does not have."""
    return re.sub(r"\$\w+", lambda found: GRAFANA[found.group()], expr)


def selected(expr: str) -> set[tuple[str, bool]]:
    """The metrics that an expression selects: (name, False), or (pattern, True) where it matches names."""
    names: set[tuple[str, bool]] = set()

    def visit(node: object) -> None:
        selector = node.vector_selector if isinstance(node, MatrixSelector) else node
        if not isinstance(selector, VectorSelector):
            return
        if selector.name:
            names.add((selector.name, False))
        for matcher in selector.matchers.matchers:
            if matcher.name == "__name__":
                names.add((matcher.value, matcher.op == MatchOp.Re))

    promql_parser.walk(promql_parser.parse(expr), visit)
    return names
