"""Which metrics expressions read, by name, by pattern or by labels alone, and without which they say nothing."""

from __future__ import annotations

import pytest

from epicenter.rules.needs import missing, selecting


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
        ('absent(there{job="b"})', {'there (label job="b")'}),
    ],
)
def test_without_what_a_verdict_would_be_about_nothing(expr: str, lacks: set[str]) -> None:
    assert missing(expr, {"there": {"job": {"a"}}, "zoned": {"zone": {"a"}}}) == lacks
