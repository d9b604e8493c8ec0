"""A recording of normal weather teaches what is usual: what always varies is no news, and nothing is an answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from epicenter.collector.errors import UsageError
from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, at, call, signal, windows

MS = 1_000_000
CALM, SHORT, MOMENT = 200, 12, 5


def _time(window: int, service: str, client: str, ms: float, failed: int = 0) -> Row:
    ns = int(100 * ms * MS)
    waited = ns if client else 0
    return call(
        window,
        client,
        service,
        attempts=100,
        server_ns=ns,
        client_ns=waited,
        uncovered_ns=0,
        errors_server=failed,
    )


def _failing(row: Row, failed: int) -> Row:
    return {**row, "errors": failed, "errors_server": failed}


def estate(count: int, prices_ms: float = 10, batch_ms: float = 0, failed: int = 0, seed: int = 1) -> list[Row]:
    """Users of a shop, which asks for prices; and a batch of its own that takes anything from 10 to 300 ms."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for window in range(count):
        late = window > MOMENT and count == SHORT
        own = prices_ms if late else 10
        rows += [_time(window, "shop", "", 20 + own, failed if late else 0)]
        rows += [_time(window, "prices", "shop", own, failed if late else 0)]
        rows += [_time(window, "batch", "", batch_ms if late and batch_ms else random.uniform(10, 300))]
    return rows


def explained(short: list[Row], usual: list[Row] | None = None) -> tuple[Incident, ...]:
    baseline = windows(CALM, usual if usual is not None else estate(CALM))
    return analyze(windows(SHORT, short), SUMMARY, at=at(MOMENT), baseline=baseline).incidents


def test_nothing_is_said_where_nothing_is_out_of_the_ordinary() -> None:
    assert explained(estate(SHORT, batch_ms=290, seed=2)) == ()


def test_what_always_varies_does_not_hide_what_never_did() -> None:
    (incident,) = explained(estate(SHORT, prices_ms=90, batch_ms=290, seed=2))
    assert (incident.trigger.component, incident.trigger.kind) == ("prices", "slow")
    assert [candidate.component for candidate in incident.candidates] == ["prices"]


def test_what_is_unusual_and_too_little_for_users_is_a_deviation_and_no_incident() -> None:
    baseline, asked = windows(CALM, estate(CALM)), windows(SHORT, estate(SHORT, prices_ms=14, seed=2))
    told = analyze(asked, SUMMARY, at=at(MOMENT), baseline=baseline)
    assert told.incidents == ()
    assert [deviation.service for deviation in told.deviations] == ["prices"]
    assert told.deviations[0].statement.startswith("prices accounts for ")
    assert analyze(asked, SUMMARY, baseline=baseline).deviations == ()


def test_without_a_baseline_whatever_changed_is_ranked() -> None:
    (incident,) = analyze(windows(SHORT, estate(SHORT, batch_ms=290, seed=2)), SUMMARY, at=at(MOMENT)).incidents
    assert incident.candidates


def test_a_few_failures_of_what_never_fails_are_told_and_of_what_often_does_are_not() -> None:
    (incident,) = explained(estate(SHORT, failed=3))
    assert incident.trigger.component == "prices"
    often = [row if row["server"] == "batch" else _failing(row, 3) for row in estate(CALM)]
    assert explained(estate(SHORT, failed=3), often) == ()


def test_an_incident_of_the_baseline_is_no_incident() -> None:
    outage = {at(window) for window in range(CALM - 40, CALM - 20)}
    bad = [_failing(r, 60) if r["window"] in outage and r["server"] != "batch" else r for r in estate(CALM)]
    alone = windows(CALM, bad)
    assert analyze(alone, SUMMARY).incidents
    assert analyze(windows(SHORT, estate(SHORT)), SUMMARY, baseline=alone).incidents == ()


def test_its_windows_must_be_as_long() -> None:
    other: Windows = replace(windows(CALM, estate(CALM)), window_s=60)
    with pytest.raises(UsageError, match="--baseline: its windows must be as long"):
        analyze(windows(SHORT, estate(SHORT)), SUMMARY, baseline=other)


def test_who_calls_anew_and_in_vain_is_blamed_for_it() -> None:
    """Somebody deploys a wrong table name: the table that nobody knows fails, and its caller is at fault."""
    rows = estate(SHORT)
    for window in range(MOMENT + 1, SHORT):
        wrong = call(window, "prices", "tabel", attempts=100, errors_server=100)
        rows += [wrong, call(window, "shop", "prices", attempts=50, errors_server=50)]
    (incident,) = explained(rows)
    assert incident.trigger.component == "prices"


@pytest.mark.parametrize("told", ["graph", "server"])
def test_a_service_graph_and_servers_durations_tell_who_is_slow(told: str) -> None:
    def story(count: int, slow: range) -> list[Row]:
        rows: list[Row] = []
        for window in range(count):
            took_s = 9.0 if window in slow else 1.0
            rows += [signal(window, service, "requests", 100) for service in ("shop", "prices")]
            rows += [signal(window, "prices", "graph_requests", 100, "shop\t")]
            if told == "graph":
                rows += [signal(window, "prices", f"graph_{side}_s", took_s, "shop\t") for side in ("client", "server")]
            else:
                rows += [signal(window, "prices", "server_s", took_s)]
            rows += [signal(window, "shop", "server_s", 2.0 + took_s)]
        return rows

    baseline = windows(CALM, signals=story(CALM, range(0)))
    seen = windows(SHORT, signals=story(SHORT, range(MOMENT + 1, SHORT)))
    (incident,) = analyze(seen, SUMMARY, at=at(MOMENT), baseline=baseline).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("prices", "slow")
