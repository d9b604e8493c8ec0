"""Builds `cascade-overview.json` with grafana-foundation-sdk.

python -m epicenter.dashboards.build            writes it
python -m epicenter.dashboards.build --check    exit code 1 if the committed file is not what the code builds
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from .charts import NAME, OF_JOB, PEER, SERVICE, Chart
from .panels import ROWS

UID = "epicenter-cascade-overview"  # part of every link to the dashboard: never changes
TITLE = "Epicenter / Cascade overview"
TAG = "epicenter"
FILE = Path(__file__).with_name("cascade-overview.json")
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
OK, BAD = "green", "red"


def thresholds(chart: Chart) -> dashboard.ThresholdsConfig:
    """Green and red sides of the chart's limit; green alone where no value is wrong as such."""
    below, above = (BAD, OK) if chart.worst == "low" else (OK, BAD)
    steps = [Threshold(value=None, color=below)]
    if chart.worst:
        steps.append(Threshold(value=chart.limit, color=above))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def panel(chart: Chart, number: int) -> timeseries.Panel:
    """The chart as a Grafana panel, in the one look that all of them share."""
    built = (
        timeseries.Panel()
        .id(number)
        .title(chart.title)
        .description(chart.description)
        .datasource(SOURCE)
        .unit(chart.unit)
        .min(0)
        .height(8)
        .span(chart.width)
        .line_width(1)
        .fill_opacity(0)
        .show_points(VisibilityMode.NEVER)
        .thresholds(thresholds(chart))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .with_target(
            prometheus.Dataquery().expr(chart.expr).legend_format(chart.legend).ref_id("A").range().datasource(SOURCE)
        )
    )
    if chart.ceiling is not None:
        built.max(chart.ceiling)
    if chart.worst:
        built.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return built


def variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A multi-valued choice of label values, all by default, read again when the time range changes."""
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query({"query": query, "refId": name})
        .datasource(SOURCE)
        .current(everything)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def variables() -> list[dashboard.DatasourceVariable | dashboard.QueryVariable]:
    """The data source, then choices that narrow from service to the peers it calls, and the names probed."""
    calls = f"http_client_request_duration_seconds_count{{{OF_JOB}}}"
    return [
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        variable("job", "Service", f"label_values(http_server_request_duration_seconds_count, {SERVICE})"),
        variable("peer", "Peer called", f"label_values({calls}, {PEER})"),
        variable("name", "Name probed", f"label_values(probe_dns_answer_rrs, {NAME})"),
    ]


def alerts() -> dashboard.AnnotationQuery:
    """Firing alerts as marks over all panels."""
    return (
        dashboard.AnnotationQuery()
        .name("Firing alerts")
        .datasource(SOURCE)
        .enable(True)
        .icon_color(BAD)
        .expr('ALERTS{alertname=~"Epicenter.+", alertstate="firing"}')
    )


def build() -> str:
    """The dashboard as the text of its file."""
    board = (
        dashboard.Dashboard(TITLE)
        .uid(UID)
        .description("One outage from left to right and top to bottom: cause, dependency, symptom, recovery.")
        .tags([TAG, "dns", "retries"])
        .readonly()
        .timezone("utc")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .annotation(alerts())
        .link(
            dashboard.DashboardLink("Epicenter")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for choice in variables():
        board.with_variable(choice)
    numbers = count(1)
    for row in ROWS:
        board.with_row(dashboard.Row(row.title).id(next(numbers)))
        for chart in row.charts:
            board.with_panel(panel(chart, next(numbers)))
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(board.build()) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or with --check compare it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m epicenter.dashboards.build", description="Build the dashboard.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not up to date")
    text = build()
    if not parser.parse_args(arguments).check:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{FILE.name} is not what the code builds: run python -m epicenter.dashboards.build", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
