"""The boards and rules on Epicenter itself read what docs/live-metrics.md promises, by name and by label."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from promql_parser import MatrixSelector, VectorSelector, parse, walk

from tests.dashboards.boards import BOARDS, PANELS, exprs
from tests.dashboards.promql import plain
from tests.rules.shipped import FOLDER, groups

PAGE = (Path(__file__).parents[2] / "docs" / "live-metrics.md").read_text(encoding="utf-8")
FROM_THE_SCRAPE = {"job", "instance", "cluster", "namespace"}


@dataclass(frozen=True)
class Promised:
    kind: str
    labels: frozenset[str]


def promised() -> dict[str, Promised]:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+?) \| .+ \|$", PAGE, re.MULTILINE)
    return {name: Promised(kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


METRICS = promised()
READ = {
    **{title: exprs(panel) for title, panel in PANELS.items() if title.startswith("own-health: ")},
    "phases": [BOARDS["own-health"]["annotations"]["list"][1]["expr"]],
    **{
        rule.get("alert", rule.get("record")): [rule["expr"]]
        for group in groups([FOLDER / "self.yml"])
        for rule in group["rules"]
    },
}


def selectors(expr: str) -> list[VectorSelector]:
    found: list[VectorSelector] = []

    def visit(node: object) -> None:
        if isinstance(node, MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, VectorSelector):
            found.append(node)

    walk(parse(expr), visit)
    return found


@pytest.mark.parametrize("where", READ)
def test_what_is_read_is_promised(where: str) -> None:
    for selector in (one for expr in READ[where] for one in selectors(plain(expr))):
        name = selector.name or ""
        if name == "up" or ":" in name:  # Prometheus's own word, and what the rules themselves record
            continue
        base = re.sub(r"_bucket$", "", name)
        assert base in METRICS
        assert (base != name) == (METRICS[base].kind == "histogram")
        assert {matcher.name for matcher in selector.matchers.matchers} <= METRICS[base].labels | FROM_THE_SCRAPE


@pytest.mark.parametrize("where", [title for title in READ if title.startswith("own-health: ")])
def test_legends_show_labels_that_are_promised(where: str) -> None:
    for target in PANELS[where]["targets"]:
        labels = {
            label
            for selector in selectors(plain(target["expr"]))
            for label in METRICS[re.sub(r"_bucket$", "", selector.name or "")].labels
        }
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels | {"instance"}


@pytest.mark.parametrize("name", METRICS)
def test_names_keep_to_the_conventions(name: str) -> None:
    assert name.startswith(("epicenter_", "process_"))
    assert name.endswith("_total") == (METRICS[name].kind == "counter")
    assert METRICS[name].kind in {"counter", "gauge", "histogram"}
    if METRICS[name].kind == "histogram":
        assert name.endswith("_seconds")


def test_every_promise_is_read_somewhere() -> None:
    """But for facts that people look up: what nobody reads is not worth its series."""
    read = {
        re.sub(r"_bucket$", "", one.name or "")
        for texts in READ.values()
        for expr in texts
        for one in selectors(plain(expr))
    }
    unread = set(METRICS) - read
    assert unread == {
        "epicenter_incident_start_timestamp_seconds",
        "epicenter_prometheus_polls_total",
        "epicenter_build_info",
        "epicenter_wal_segments",
        "process_open_fds",
        "process_start_time_seconds",
    }
