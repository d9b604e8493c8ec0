"""Rows -> totals: shares of what was right, precision and recall of loops, typical errors in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .cases import Row
from .labels import Labels


@dataclass(frozen=True)
class Totals:
    """What many cases come to; None where no case could tell.

    incident, root_top1, root_top3, root_kind, dns_role, dns_failure, said_unknown: shares of the worlds with an
        incident; one that was not seen, and a case that crashed, are not right.
    storm, metastable: precision, recall and F1 over all worlds, calm ones too.
    trigger_start_error_s, trigger_end_error_s: medians of the size of the error, where an incident was seen.
    time_to_detect_s, time_to_explain_s: medians over all worlds with an incident, one that never was right counting
        as later than all others; None where that is the median.
    false_incidents_per_day: of calm worlds, by the length of all of them. stray_incidents: false ones of the others.
    split: incidents beyond the one that there was.
    """

    cases: int
    crashed: int
    incident: float | None
    root_top1: float | None
    root_top3: float | None
    root_kind: float | None
    dns_role: float | None
    dns_failure: float | None
    said_unknown: float | None
    storm_precision: float | None
    storm_recall: float | None
    storm_f1: float | None
    metastable_precision: float | None
    metastable_recall: float | None
    metastable_f1: float | None
    trigger_start_error_s: float | None
    trigger_end_error_s: float | None
    time_to_detect_s: float | None
    time_to_explain_s: float | None
    false_incidents_per_day: float | None
    calm_days: float
    stray_incidents: int
    split: int


LESS_IS_BETTER = frozenset(
    {"crashed", "said_unknown", "false_incidents_per_day", "stray_incidents", "split"}
    | {f"{name}_s" for name in ("trigger_start_error", "trigger_end_error", "time_to_detect", "time_to_explain")}
)
NO_METRIC = frozenset({"cases", "calm_days"})
"""Totals that only say how much there was."""


def totals_of(rows: Sequence[Row]) -> Totals:
    """Sum up; a row that crashed counts as an incident that was not seen."""
    told = [(row.expected, row.got) for row in rows if row.expected is not None and row.got is not None]
    broken = [row for row in rows if row.expected is None or row.expected.incident]
    seen = [row for row in broken if row.got is not None and row.got.incident]
    calm = [row for row in rows if row.calm_days > 0]
    days = sum(row.calm_days for row in calm)
    storm, metastable = _found(told, "storm"), _found(told, "metastable")
    return Totals(
        cases=len(rows),
        crashed=sum(row.crashed != "" for row in rows),
        incident=_share(broken, "incident"),
        root_top1=_share(broken, "root_top1"),
        root_top3=_share(broken, "root_top3"),
        root_kind=_share(broken, "root_kind"),
        dns_role=_share(broken, "dns_role"),
        dns_failure=_share(broken, "dns_failure"),
        said_unknown=_ratio(sum(row.said_unknown for row in broken), len(broken)),
        storm_precision=storm[0],
        storm_recall=storm[1],
        storm_f1=storm[2],
        metastable_precision=metastable[0],
        metastable_recall=metastable[1],
        metastable_f1=metastable[2],
        trigger_start_error_s=_typical(row.trigger_start_error_s for row in seen),
        trigger_end_error_s=_typical(row.trigger_end_error_s for row in seen),
        time_to_detect_s=_reached([row.time_to_detect_s for row in broken]),
        time_to_explain_s=_reached([row.time_to_explain_s for row in broken]),
        false_incidents_per_day=_ratio(sum(row.false_incidents for row in calm), days),
        calm_days=round(days, 3),
        stray_incidents=sum(row.false_incidents for row in broken),
        split=sum(row.split for row in rows),
    )


def _share(rows: Sequence[Row], mark: str) -> float | None:
    return _ratio(sum(row.right is not None and bool(getattr(row.right, mark)) for row in rows), len(rows))


def _found(told: Sequence[tuple[Labels, Labels]], label: str) -> tuple[float | None, float | None, float | None]:
    """Precision, recall, F1."""
    pairs = [(bool(getattr(expected, label)), bool(getattr(got, label))) for expected, got in told]
    both = sum(was and said for was, said in pairs)
    was, said = sum(was for was, _ in pairs), sum(said for _, said in pairs)
    return _ratio(both, said), _ratio(both, was), _ratio(2 * both, was + said)


def _typical(errors: Iterable[float | None]) -> float | None:
    sizes = [abs(error) for error in errors if error is not None]
    return round(median(sizes), 3) if sizes else None


def _reached(times: Sequence[float | None]) -> float | None:
    """The median, None standing for never; of an even number of cases the later of the two in the middle."""
    ordered = sorted(times, key=lambda time: float("inf") if time is None else time)
    return ordered[len(ordered) // 2] if ordered else None


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
