"""Which metrics expressions read, by name, by pattern or by labels alone, and without which they say nothing."""

from __future__ import annotations

import pytest

from epicenter.rules.needs import missing, moves, selecting


@pytest.mark.parametrize(
    ("expr", "read", "passed_over"),
    [
        ("rate(a_total[5m]) / b", {"a_total", "b"}, {"c", "a"}),
        ('{__name__="a"} > 0', {"a"}, {"ab"}),
        ('{__name__=~".+_leases_active"} > 0', {"x_leases_active"}, {"x_leases_active_total", "up"}),
        ('{job="a"} > 0', {"anything"}, set[str]()),
        ("newer_than_the_parser(rate(a[5m])) > b", {"a", "b"}, {"c"}),
        ('newer_than_the_parser({job="a"}) > 0', {"anything"}, set[str]()),
    ],
)
def test_only_what_an_expression_may_read_is_selected(expr: str, read: set[str], passed_over: set[str]) -> None:
    selects = selecting([expr])
    assert {name for name in read | passed_over if selects(name)} == read


@pytest.mark.parametrize(
    ("expr", "lacks"),
    [
        ("there > 0 or gone > 0", set[str]()),
        ("there unless gone", {"gone"}),
        ("(count(gone) or vector(0)) < 1", {"gone"}),
        ("(vector(0) or gone) / there > 1", {"gone"}),
        ("(count(there) or vector(0)) < 1", set[str]()),
        ("vector(1) or vector(2)", set[str]()),
        ('there{job="b"} > 0', {'there (label job="b")'}),
        ('there{job=~"a|b"} > 0', set[str]()),
        ('there{zone="b"} > 0', {'there (label zone="b")'}),
        ('zoned{zone="b"} > 0', set[str]()),
        ('there{job="a"} unless there{job="b"}', set[str]()),
        ('whose{namespace="b"} > 0', {'whose (label namespace="b")'}),
        ('whose{namespace=~"b|c"} > 0', {'whose (label namespace=~"b|c")'}),
        ('whose{namespace=~".*", namespace!="b"} > 0', set[str]()),
        ('histogram_quantile(0.9, whose{le="0.3"})', {'whose (label le="0.3")'}),
        ('there unless on (job) whose{namespace="b"}', set[str]()),
        ('clamp_min(there unless on (job) whose{namespace="b"}, 0)', set[str]()),
        ('max_over_time((there or whose{namespace="b"})[5m:])', set[str]()),
        ('rate(whose{namespace="b"}[5m])', {'whose (label namespace="b")'}),
        ('absent(there{job="b"})', {'there (label job="b")'}),
    ],
)
def test_without_what_a_verdict_would_be_about_nothing(expr: str, lacks: set[str]) -> None:
    there = {"there": {"job": {"a"}}, "zoned": {"zone": {"a"}}, "whose": {"namespace": {"a"}, "le": {"1"}}}
    assert missing(expr, there) == lacks


@pytest.mark.parametrize(
    ("expr", "may"),
    [
        ('up{job="a"} == 0', True),
        ('up{job="b"} == 0', False),
        ('up{job=~"b|c"} == 0', False),
        ('up{zone=~".*"} == 0', True),
        ("still > 1", False),
        ('absent(up{job="b"})', False),
        ("still / up > 1", True),
        ("recorded > 1", True),
        ("vector(1)", True),
        ("still - time() < 86400", True),
        ("hour() > 3 and still", True),
        ("not promql", True),
    ],
)
def test_an_expression_moves_with_anything_that_it_reads(expr: str, may: bool) -> None:
    assert moves(expr, {"up": {"job": {"a"}}, "recorded": None}) == may
