"""Which metrics expressions read, told by name, by pattern or by labels alone."""

from __future__ import annotations

import pytest

from epicenter.rules.needs import selecting


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
