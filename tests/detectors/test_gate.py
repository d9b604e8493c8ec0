"""What users met, counted by the requests that came in from outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from epicenter.detectors.gate import entered, user_visible
from epicenter.detectors.metric_calls import with_metric_calls
from tests.detectors.frames import call, windows
from tests.detectors.test_metric_calls import END, probes, requests


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_users_bear_their_share_of_the_failures_also_where_counters_are_scaled(scale: float) -> None:
    seen = windows(1, [call(0, "", "shop", attempts=20, entries=10, errors_server=8)])
    scaled = {name: seen.calls[name] * scale for name in ("attempts", "entries", "errors")}
    rows = entered(replace(seen, calls=seen.calls.assign(**scaled)))
    assert rows["failed"].tolist() == pytest.approx([4 * scale])


def test_what_only_a_prober_asks_is_told_as_probes_and_not_as_users() -> None:
    counted = [row for window in range(END) for row in requests(window, "shop", 40, 30 if 20 <= window < 30 else 0)]
    seen = with_metric_calls(windows(END, signals=[*counted, *probes("10.0.0.1", range(20, 30))]))
    told = {finding.component: finding.evidence[0].statement for finding in user_visible(seen)}
    assert told["10.0.0.1"].startswith("30 of 30 probes of 10.0.0.1 failed")
    assert told["shop"].startswith("300 of 400 requests of users of shop failed")
