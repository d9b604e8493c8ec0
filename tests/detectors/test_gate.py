"""What users met, counted by the requests that came in from outside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.gate import entered, user_visible
from epicenter.detectors.metric_calls import with_metric_calls
from tests.detectors.frames import SUMMARY, at, call, put, windows
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


def users(failed: Iterable[float], of: int) -> Windows:
    """So many requests of users of the shop in each window, some of which fail."""
    rows = [call(window, "", "shop", attempts=of, errors_server=int(count)) for window, count in enumerate(failed)]
    return windows(END, rows)


@pytest.mark.parametrize(("of", "well"), [(40, 1), (8, 1), (8, 2)])
def test_failures_that_chatter_are_one_incident_with_one_start(of: int, well: int) -> None:
    """The good requests of one window or two end nothing, unless they are many and what follows is good, too."""
    bad, good = [0.75 * of] * 3, [0.0] * well
    chatter = [*bad, *good, *bad, *good, *bad]
    seen = users(put([0] * END, 20, chatter), of)
    (incident,) = analyze(seen, SUMMARY).incidents
    assert (incident.started_at, incident.ended_at) == (at(20), at(20 + len(chatter)))
    assert of > 8 or len(user_visible(seen)) == 1


def test_failures_that_flicker_below_what_matters_are_none() -> None:
    """No window of them fails more than one request in twenty, and every second one none."""
    assert user_visible(users(put([0] * END, 10, [2, 0] * 12), of=40)) == []
