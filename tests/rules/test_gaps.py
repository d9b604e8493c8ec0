"""What a world lacks for alerts, by metric: counted through the rules that record, the greatest gain first."""

from __future__ import annotations

from pathlib import Path

from epicenter.rules.files import Rule, read_rules
from epicenter.rules.gaps import Gap, gaps_of

RULES = """groups:
  - name: g
    rules:
      - {record: "job:errors:rate5m", expr: 'sum by (job) (rate(errors_total[5m]))'}
      - {record: "job:share:rate5m", expr: "job:errors:rate5m / job:requests:rate5m"}
      - {record: "job:share:rate5m", expr: "spare_share + other + third"}
      - {alert: Share, expr: "job:share:rate5m > 0.1"}
      - {alert: Errors, expr: "job:errors:rate5m > 1"}
      - {alert: Both, expr: "job:errors:rate5m > 1 and nowhere > 0"}
      - {alert: Label, expr: 'up{zone="a"} == 0'}
      - {alert: There, expr: "up == 0"}
"""


def rules(folder: Path) -> tuple[Rule, ...]:
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    return read_rules([str(folder)]).rules


def test_each_gap_counts_the_alerts_that_it_alone_holds_up(tmp_path: Path) -> None:
    there = {"up": {"job": {"x"}}, "job:requests:rate5m": None}
    told = gaps_of(rules(tmp_path), "world", there, there)
    assert (told.alerts, told.testable, told.still) == (5, 1, ())
    assert (told.read, told.present) == (7, 2)  # up and job:requests:rate5m; what rules record counts for what it reads
    assert told.gaps == (
        Gap("errors_total", ("Share", "Errors", "Both"), 2),
        Gap('up (label zone="a")', ("Label",), 1),
        Gap("nowhere", ("Both",), 0),
    )


def test_nothing_is_missing_where_everything_is_recorded(tmp_path: Path) -> None:
    there = {"up": {"zone": {"b"}}, "nowhere": {}, "job:errors:rate5m": None, "job:share:rate5m": None}
    told = gaps_of(rules(tmp_path), "world", there, {"up": {"zone": {"b"}}})
    assert (told.testable, told.gaps) == (5, ())
    assert told.still == ("Share", "Errors", "Both", "Label")


def test_rules_that_record_one_another_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "loop.yml").write_text(
        "groups: [{name: g, rules: [{record: a, expr: b}, {record: b, expr: a}, {alert: Loop, expr: a > 0}]}]",
        encoding="utf-8",
    )
    told = gaps_of(read_rules([str(tmp_path)]).rules, "world", {}, {})
    assert [(gap.need, gap.alone) for gap in told.gaps] == [("a", 1)]
