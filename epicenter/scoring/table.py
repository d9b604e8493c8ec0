"""The scores on a terminal: a line a scenario, the totals, and what was missed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .cases import Row
from .totals import Totals, totals_of

_WIDTH = 116
"""What the columns need; a pipe is taken for 80 characters, and a narrow terminal wraps rather than hides."""
_SHARES = (
    ("seen", "incident"),
    ("top1", "root_top1"),
    ("top3", "root_top3"),
    ("kind", "root_kind"),
    ("DNS", "dns_role"),
    ("class", "dns_failure"),
)
_SECONDS = (
    ("start", "trigger_start_error_s"),
    ("end", "trigger_end_error_s"),
    ("detect", "time_to_detect_s"),
    ("explain", "time_to_explain_s"),
)
_HEADS = ("n", *(head for head, _ in _SHARES), "storm", "meta", *(head for head, _ in _SECONDS), "false")
"""Shares of cases, medians in seconds (of the errors of the trigger's start and end, and until it was detected and
explained), and a number of false incidents."""


def render(rows: Sequence[Row], totals: Totals, console: Console) -> None:
    """Print the table, the totals, and a line for each miss."""
    table = Table(box=None, pad_edge=False)
    table.add_column("scenario", no_wrap=True)
    for head in _HEADS:
        table.add_column(head, justify="right", no_wrap=True)
    for scenario in dict.fromkeys(row.scenario for row in rows):
        of = [row for row in rows if row.scenario == scenario]
        table.add_row(scenario, *_line(of, totals_of(of)))
    table.add_row("all", *_line(rows, totals), style="bold")
    wide = Console(file=console.file, width=max(console.width, _WIDTH), force_terminal=console.is_terminal)
    wide.print(table)
    for sentence in _sentences(totals):
        console.print(sentence, highlight=False)
    _print_misses(rows, console)


def _line(rows: Sequence[Row], totals: Totals) -> list[str]:
    return [
        str(totals.cases),
        *(_number(getattr(totals, name), "{:.2f}") for _, name in _SHARES),
        _share(rows, "storm"),
        _share(rows, "metastable"),
        *(_number(getattr(totals, name), "{:.0f}") for _, name in _SECONDS),
        str(sum(row.false_incidents for row in rows)),
    ]


def _share(rows: Sequence[Row], mark: str) -> str:
    """How many rows judged a loop rightly, there or not."""
    return f"{sum(row.right is not None and bool(getattr(row.right, mark)) for row in rows) / len(rows):.2f}"


def _sentences(totals: Totals) -> list[str]:
    loops = [
        f"{name}: precision {_number(getattr(totals, f'{name}_precision'), '{:.2f}')},"
        f" recall {_number(getattr(totals, f'{name}_recall'), '{:.2f}')},"
        f" F1 {_number(getattr(totals, f'{name}_f1'), '{:.2f}')}"
        for name in ("storm", "metastable")
    ]
    false = _number(totals.false_incidents_per_day, "{:.2f}")
    calm = f"calm weather: {false} false incidents a day in {totals.calm_days:.1f} days"
    unknown = f"said unknown: {_number(totals.said_unknown, '{:.2f}')} of the incidents"
    return ["", *loops, calm, unknown]


def _print_misses(rows: Sequence[Row], console: Console) -> None:
    missed = [row for row in rows if row.why]
    if missed:
        console.print("\nMissed")
    for row in missed:
        console.print(escape(f"{row.scenario}, seed {row.seed}, {row.mix}"), style="bold", highlight=False)
        for line in row.why:
            console.print(escape(f"  {line}"), highlight=False, soft_wrap=True)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
