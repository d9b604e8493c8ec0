"""What grafana's dashboard-linter asks of a dashboard, and what an on-call engineer asks beyond it.

The linter itself is a Go program without a package; each test here names the rule of its that it mirrors.
"""

from __future__ import annotations

import json
import re
from typing import Any

import promql_parser
import pytest
from promql_parser import Call, MatrixSelector, VectorSelector

from epicenter.dashboards import build
from tests.dashboards.promql import GRAFANA, plain, selected

BOARD: dict[str, Any] = json.loads(build.FILE.read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
VARIABLES: dict[str, dict[str, Any]] = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

every_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
every_query_variable = pytest.mark.parametrize("name", [name for name in VARIABLES if name != "datasource"])


def exprs(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel["targets"]]


def test_the_committed_file_is_what_the_code_builds() -> None:
    assert build.FILE.read_text(encoding="utf-8") == build.build()
    assert build.main(["--check"]) == 0


def test_rows_stand_in_causal_order() -> None:
    titles = [panel["title"].split(":")[0] for panel in BOARD["panels"] if panel["type"] == "row"]
    assert titles == ["Cause", "Dependency", "Symptom", "Recovery"]


def test_panels_fill_the_grid_without_overlap() -> None:
    cells = [
        (x, y)
        for position in (panel["gridPos"] for panel in BOARD["panels"])
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]
    assert len(cells) == len(set(cells)) == 24 * (1 + max(y for _, y in cells))


def test_ids_are_unique_and_the_uid_is_the_one_in_links() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert BOARD["uid"] == "epicenter-cascade-overview"
    assert "epicenter" in BOARD["tags"]


def test_uneditable_utc_with_a_shared_crosshair() -> None:  # uneditable-dashboard
    assert (BOARD["editable"], BOARD["timezone"], BOARD["graphTooltip"]) == (False, "utc", 1)


def test_data_source_is_a_choice() -> None:  # template-datasource-rule
    variable = VARIABLES["datasource"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")


@every_query_variable
def test_choices_follow_the_time_range_and_the_data_source(name: str) -> None:
    # template-job-rule, template-instance-rule, template-on-time-change-reload-rule
    variable = VARIABLES[name]
    assert variable["datasource"] == SOURCE
    assert (variable["multi"], variable["includeAll"], variable["refresh"]) == (True, True, 2)
    assert variable["label"]


@every_query_variable
def test_choices_come_from_a_label_of_a_metric(name: str) -> None:  # template-label-promql-rule
    found = re.fullmatch(r"label_values\((?P<metric>.+), (?P<label>\w+)\)", VARIABLES[name]["query"]["query"])
    assert found
    promql_parser.parse(plain(found["metric"]))


def test_peers_narrow_with_the_service() -> None:
    assert "$job" in VARIABLES["peer"]["query"]["query"]
    assert set(GRAFANA) == {f"${name}" for name in VARIABLES if name != "datasource"} | {"$__rate_interval"}


def test_firing_alerts_are_marked() -> None:
    (marks,) = BOARD["annotations"]["list"]
    assert marks["datasource"] == SOURCE
    assert 'alertstate="firing"' in marks["expr"]
    promql_parser.parse(marks["expr"])


@every_panel
def test_panel_asks_the_chosen_source(panel: dict[str, Any]) -> None:  # panel-datasource-rule, panel-no-targets-rule
    assert panel["datasource"] == SOURCE
    assert panel["targets"]
    assert all(target["datasource"] == SOURCE for target in panel["targets"])


@every_panel
def test_panel_says_what_to_conclude(panel: dict[str, Any]) -> None:  # panel-title-description-rule
    assert panel["title"]
    assert len(panel["description"].split()) >= 15  # what it shows takes about ten words, what follows from it more


@every_panel
def test_panel_has_a_unit_and_a_legend(panel: dict[str, Any]) -> None:  # panel-units-rule
    assert panel["fieldConfig"]["defaults"]["unit"] in {"short", "percentunit", "s", "reqps", "eps"}
    assert panel["options"]["legend"]["showLegend"]
    assert all("{{" in target["legendFormat"] for target in panel["targets"])


@every_panel
def test_expressions_are_promql(panel: dict[str, Any]) -> None:  # target-promql-rule
    for expr in exprs(panel):
        promql_parser.parse(plain(expr))
        assert selected(plain(expr))


@every_panel
def test_counters_are_read_as_rates_over_the_rate_interval(panel: dict[str, Any]) -> None:
    # target-counter-agg-rule, target-rate-interval-rule
    for expr in exprs(panel):
        assert set(re.findall(r"\[(.+?)\]", expr)) <= {"$__rate_interval"}
        assert counters_outside_rates(plain(expr)) == []


@every_panel
def test_choices_narrow_every_panel_of_a_service(
    panel: dict[str, Any],
) -> None:  # target-job-rule, target-instance-rule
    """But not the cause: it must stay in sight whatever service one looks at."""
    by_service = "{{job}}" in {target["legendFormat"] for target in panel["targets"]}
    assert not by_service or all('job=~"$job"' in expr for expr in exprs(panel))


def counters_outside_rates(expr: str) -> list[str]:
    seen: list[str] = []
    rated: list[str] = []

    def visit(node: object) -> None:
        if isinstance(node, Call) and node.func.name == "rate":
            rated.extend(
                str(argument.vector_selector) for argument in node.args if isinstance(argument, MatrixSelector)
            )
        if isinstance(node, VectorSelector):
            seen.append(str(node))

    promql_parser.walk(promql_parser.parse(expr), visit)
    counters = [selector for selector in seen if re.search(r"_(total|count|sum|bucket)\b", selector.split("{")[0])]
    named = [selector for selector in seen if re.search(r'__name__=~"[^"]+_(total|count|sum|bucket)"', selector)]
    return sorted(set(counters + named) - set(rated))
