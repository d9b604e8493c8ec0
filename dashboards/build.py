"""Builds the dashboards' files with grafana-foundation-sdk.

python -m epicenter.dashboards.build            writes them
python -m epicenter.dashboards.build --check    exit code 1 if a committed file is not what the code builds
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.builder import Builder
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
    AnnotationQuery,
    DashboardCursorSync,
    DashboardLinkType,
    Threshold,
    ThresholdsMode,
)

from . import cascade, dns, own, storm
from .charts import OF_ESTATE, WHOLE_ESTATE, Board, Chart
from .variables import SOURCE, variables

BOARDS = (cascade.BOARD, dns.BOARD, storm.BOARD, own.BOARD)
TAG = "epicenter"
OK, BAD, NEUTRAL = "green", "red", "blue"


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
        .description(chart.description if OF_ESTATE in chart.expr else f"{chart.description} {WHOLE_ESTATE}")
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
    )
    for letter, (expr, legend) in zip(ascii_uppercase, ((chart.expr, chart.legend), *chart.beside), strict=False):
        built.with_target(
            prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(letter).range().datasource(SOURCE)
        )
    if chart.ceiling is not None:
        built.max(chart.ceiling)
    if chart.worst:
        built.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return built


class Marks(AnnotationQuery, Builder[AnnotationQuery]):
    """Marks over all panels, with the words that Grafana's Prometheus source reads and the SDK's model leaves out."""

    def __init__(self, name: str, color: str, expr: str, title: str, text: str) -> None:
        super().__init__(name=name, datasource=SOURCE, icon_color=color, expr=expr)
        self.words = {"titleFormat": title, "textFormat": text, "step": "60s"}

    def to_json(self) -> dict[str, object]:
        """The model's own fields and the words."""
        return super().to_json() | self.words

    def build(self) -> AnnotationQuery:
        """Itself, since dashboards take builders."""
        return self


ALERTS = Marks(
    "Firing alerts",
    BAD,
    'ALERTS{alertname=~"Epicenter.+", alertstate="firing"}',
    "{{alertname}}",
    "{{peer}} ({{severity}})",
)
PHASES = Marks("Incident phases", NEUTRAL, "epicenter_incident_phase == 1", "{{phase}}", "incident {{incident_id}}")


def links() -> list[dashboard.DashboardLink]:
    """To the other boards, with choices and time; and to Epicenter's page, which takes times as Unix seconds."""
    return [
        dashboard.DashboardLink("Epicenter")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True),
        dashboard.DashboardLink("Explain this time")
        .type(DashboardLinkType.LINK)
        .url("${epicenter}/?from=${__from:date:seconds}&to=${__to:date:seconds}")
        .tooltip("What Epicenter says of the time that this board shows")
        .icon("external link")
        .target_blank(True),
    ]


def build(board: Board) -> str:
    """The board as the text of its file."""
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags([TAG, *board.tags])
        .readonly()
        .timezone("utc")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .annotation(ALERTS)
        .annotation(PHASES)
    )
    for link in links():
        built.link(link)
    for choice in variables(board.choices):
        built.with_variable(choice)
    numbers = count(1)
    for row in board.rows:
        built.with_row(dashboard.Row(row.title).id(next(numbers)))
        for chart in row.charts:
            built.with_panel(panel(chart, next(numbers)))
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(built.build()) + "\n"


def path(board: Board) -> Path:
    """Where the board's file is."""
    return Path(__file__).with_name(f"{board.name}.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with --check compare them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m epicenter.dashboards.build", description="Build the dashboards.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not up to date")
    texts = {path(board): build(board) for board in BOARDS}
    if not parser.parse_args(arguments).check:
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
        return 0
    stale = [
        file.name for file, text in texts.items() if not file.is_file() or file.read_text(encoding="utf-8") != text
    ]
    for name in stale:
        print(f"{name} is not what the code builds: run python -m epicenter.dashboards.build", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
