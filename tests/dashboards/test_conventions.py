"""What grafana's dashboard-linter asks of a dashboard, and what an on-call engineer asks beyond it.

The linter itself is a Go program without a package; each test here names the rule of its that it mirrors.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from promql_parser import Call, MatrixSelector, VectorSelector

from epicenter.dashboards import build
from epicenter.dashboards.charts import OF_ESTATE, WHOLE_ESTATE
from tests.dashboards.boards import BOARDS, PANELS, exprs, variables
from tests.dashboards.promql import GRAFANA, plain, selected

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
TEXTS = {"timeout", "epicenter"}
ROWS = {
    "cascade-overview": ["Cause", "Dependency", "Symptom", "Recovery"],
    "dns": ["Answers", "Classes", "Records", "Probes"],
    "retry-storm": ["Load", "Goodput", "Queues"],
    "own-health": ["Incident", "Intake", "Analysis", "Machine", "Neighbours"],
}
WHOLE_ESTATE_METRICS = r"probe_|coredns_|dns_enactor_|_health_check_flips_total|aws_networkelb_"
UNITS = {"short", "percentunit", "s", "reqps", "eps", "bytes"}

every_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
every_panel = pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
every_query_variable = pytest.mark.parametrize(
    "variable",
    [
        pytest.param(variable, id=f"{name}: {choice}")
        for name, board in BOARDS.items()
        for choice, variable in variables(board).items()
        if choice not in TEXTS | {"datasource"}
    ],
)


@pytest.mark.parametrize("board", build.BOARDS, ids=lambda board: board.name)
def test_the_committed_file_is_what_the_code_builds(board: build.Board) -> None:
    assert build.path(board).read_text(encoding="utf-8") == build.build(board)


@every_board
def test_the_committed_file_is_read_back_by_the_schema(board: dict[str, Any]) -> None:
    """But for three keys of Grafana's annotations from a Prometheus, which the SDK's schema does not have."""
    board = deepcopy(board)
    for mark in board["annotations"]["list"]:
        for key in ("titleFormat", "textFormat", "step"):
            mark.pop(key, None)
    register_default_plugins()
    assert json.loads(JSONEncoder().encode(Dashboard.from_json(board))) == board


def test_every_file_is_built_and_the_check_finds_nothing() -> None:
    assert {build.path(board) for board in build.BOARDS} == set(Path(build.__file__).parent.glob("*.json"))
    assert build.main(["--check"]) == 0


@pytest.mark.parametrize("name", ROWS)
def test_rows_stand_in_order(name: str) -> None:
    titles = [panel["title"].split(":")[0] for panel in BOARDS[name]["panels"] if panel["type"] == "row"]
    assert titles == ROWS[name]


@every_board
def test_panels_fill_the_grid_without_overlap(board: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for position in (panel["gridPos"] for panel in board["panels"])
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]
    assert len(cells) == len(set(cells)) == 24 * (1 + max(y for _, y in cells))


@pytest.mark.parametrize("name", BOARDS)
def test_ids_are_unique_and_the_uid_is_the_one_in_links(name: str) -> None:
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)
    assert BOARDS[name]["uid"] == f"epicenter-{name}"
    assert "epicenter" in BOARDS[name]["tags"]


@every_board
def test_uneditable_utc_with_a_shared_crosshair(board: dict[str, Any]) -> None:  # uneditable-dashboard
    assert (board["editable"], board["timezone"], board["graphTooltip"]) == (False, "utc", 1)


@every_board
def test_data_source_is_a_choice(board: dict[str, Any]) -> None:  # template-datasource-rule
    variable = variables(board)["datasource"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")


@every_query_variable
def test_choices_follow_the_time_range_and_the_data_source(variable: dict[str, Any]) -> None:
    # template-job-rule, template-instance-rule, template-on-time-change-reload-rule
    assert variable["datasource"] == SOURCE
    assert (variable["multi"], variable["includeAll"], variable["refresh"]) == (True, True, 2)
    assert variable["label"]


@every_query_variable
def test_choices_come_from_a_label_of_a_metric(variable: dict[str, Any]) -> None:  # template-label-promql-rule
    found = re.fullmatch(r"label_values\((?P<metric>.+), (?P<label>\w+)\)", variable["query"]["query"])
    assert found
    promql_parser.parse(plain(found["metric"]))


@every_query_variable
def test_all_is_what_the_absent_label_matches_too(variable: dict[str, Any]) -> None:
    """Few estates have `cluster` on everything; a pattern as `.+` would empty the board there."""
    assert re.fullmatch(variable["allValue"], "")


@every_board
def test_choices_narrow_from_the_cluster_down_and_are_all_used(board: dict[str, Any]) -> None:
    names = list(variables(board))
    assert names[:3] == ["datasource", "cluster", "namespace"]
    queries = [variable["query"]["query"] for variable in variables(board).values() if variable["type"] == "query"]
    links = [link.get("url", "") for link in board["links"]]
    texts = [
        *queries,
        *links,
        *(expr for panel in board["panels"] for expr in exprs(panel | {"targets": panel.get("targets", [])})),
    ]
    used = set(re.findall(r"\$\{?([a-z]+)\b", " ".join(texts)))
    assert used == {*names} - {"datasource"}
    assert used - {"epicenter"} <= {name.removeprefix("$") for name in GRAFANA}


@every_board
def test_firing_alerts_and_phases_are_marked_with_words(board: dict[str, Any]) -> None:
    alerts, phases = board["annotations"]["list"]
    assert selected(alerts["expr"]) == {("ALERTS", False)}
    assert "{{alertname}}" in alerts["titleFormat"]
    assert selected(phases["expr"]) == {("epicenter_incident_phase", False)}
    assert "{{phase}}" in phases["titleFormat"]
    assert all(marks["enable"] and marks["datasource"] == SOURCE for marks in (alerts, phases))


@every_board
def test_links_keep_the_time_on_the_way_to_the_other_boards_and_to_the_page(board: dict[str, Any]) -> None:
    others, page = board["links"]
    assert (others["type"], others["tags"], others["keepTime"], others["includeVars"]) == (
        "dashboards",
        ["epicenter"],
        True,
        True,
    )
    assert page["url"] == "${epicenter}/?from=${__from:date:seconds}&to=${__to:date:seconds}"


@every_panel
def test_panel_asks_the_chosen_source(panel: dict[str, Any]) -> None:  # panel-datasource-rule, panel-no-targets-rule
    assert panel["datasource"] == SOURCE
    assert panel["targets"]
    assert all(target["datasource"] == SOURCE for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@every_panel
def test_panel_says_what_it_shows_and_what_follows(panel: dict[str, Any]) -> None:  # panel-title-description-rule
    assert panel["title"]
    assert len(panel["description"].split()) >= 15  # what it shows takes about ten words, what follows from it more


@every_panel
def test_panel_has_a_unit_and_a_legend(panel: dict[str, Any]) -> None:  # panel-units-rule
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["options"]["legend"]["showLegend"]
    assert all("{{" in target["legendFormat"] for target in panel["targets"])


@every_panel
def test_expressions_are_promql(panel: dict[str, Any]) -> None:  # target-promql-rule
    for expr in exprs(panel):
        promql_parser.parse(plain(expr))
        assert selected(plain(expr))


@every_panel
def test_counters_are_read_as_rates_over_the_rate_interval(panel: dict[str, Any]) -> None:
    # target-counter-agg-rule, target-rate-interval-rule; a day is the history that answers are held against
    for expr in exprs(panel):
        ranges = re.findall(r"(\w+)\([^()]*\[(.+?)\]", expr)
        assert set(ranges) <= {("rate", "$__rate_interval"), ("max_over_time", "1d")}
        assert expr.count("[") == len(ranges)
        assert counters_outside_rates(plain(expr)) == []


@every_panel
def test_choices_narrow_every_panel_of_a_service(
    panel: dict[str, Any],
) -> None:  # target-job-rule, target-instance-rule
    """But not the records: they must stay in sight whatever service one looks at."""
    by_service = any("{{job}}" in target["legendFormat"] for target in panel["targets"])
    of_records = any("{{record}}" in target["legendFormat"] for target in panel["targets"])
    assert not by_service or of_records or all('job=~"$job"' in expr for expr in exprs(panel))
    own = any("epicenter_" in expr for expr in exprs(panel))
    assert not own or all('instance=~"$instance"' in expr for expr in exprs(panel))


@every_panel
def test_panels_that_no_cluster_narrows_are_these_and_say_so(panel: dict[str, Any]) -> None:
    """Names, probes, writers, resolvers and load balancers, each told apart by the metrics that it reads."""
    narrowed = [OF_ESTATE in expr for expr in exprs(panel)]
    assert len(set(narrowed)) == 1
    of_the_estate = any(re.search(WHOLE_ESTATE_METRICS, expr) for expr in exprs(panel))
    assert narrowed[0] != of_the_estate
    assert panel["description"].endswith(f" {WHOLE_ESTATE}") == of_the_estate


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
