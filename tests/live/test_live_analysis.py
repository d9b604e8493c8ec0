"""What is found while telemetry comes in, some of it late, is what one analysis of all of it finds afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from epicenter.collector.model import SPANS
from epicenter.collector.recording import open_recording
from epicenter.collector.windows import observe
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Analysis
from epicenter.detectors.online import Watcher
from epicenter.live.config import Limits
from epicenter.live.config import Windows as Settings
from epicenter.live.windows import LiveWindows
from epicenter.synthetic.telemetry.record import record
from tests.collector.told import T0, server, telemetry
from tests.detectors.frames import SUMMARY
from tests.live.encoded import encoded, with_hex_ids
from tests.synthetic.toy_history import DATABASE, START, TICK_S, toy_history

WINDOW_S, TICKS = 60, 186
STEP_S = 300
LATE_S = 240
TABLES = ("spans", "logs", "samples", "changes")

compute: Any = pc


def pieces(tables: dict[str, pa.Table], start: float, end: float) -> dict[str, pa.Table]:
    """What comes between two moments: half of the spans at once, half of them late."""
    found: dict[str, pa.Table] = {}
    for name, rows in tables.items():
        at = rows["Timestamp"].to_numpy().view("int64") / 1e9
        if name == "spans":
            at = at + LATE_S * compute.starts_with(rows["TraceId"], "0").to_numpy().astype(float)
        found[name] = rows.filter(pa.array((at >= start) & (at < end)))
    return found


def of(analysis: Analysis) -> dict[str, Any]:
    """What is said of the one incident, but for when it was seen and which traces show it."""
    (one,) = analysis.incidents
    return {name: getattr(one, name) for name in ("verdict", "trigger", "impact", "dns", "cascade", "sustaining")}


def test_the_incident_shown_is_the_one_that_the_batch_finds(tmp_path: Path) -> None:
    record(toy_history(ticks=TICKS), tmp_path, seed=0, spans_per_second=8)
    with open_recording([tmp_path], scratch=tmp_path).connect() as connection:
        tables = {name: connection.sql(f"from {name}").to_arrow_table() for name in TABLES}
        whole = observe(connection, WINDOW_S)
    end = START + TICKS * TICK_S
    windows, watcher = LiveWindows(Settings(window_s=WINDOW_S, lateness_s=600), Limits()), Watcher(WINDOW_S)
    found: dict[str, Any] = {}
    told = 0
    for number, now in enumerate(range(int(START) + STEP_S, int(end) + 2 * STEP_S, STEP_S), 1):
        windows.add(number, pieces(tables, now - STEP_S, now))
        fresh, summary = windows.observe(now)
        told += (fresh.end - fresh.start) // WINDOW_S
        analysis = watcher.step(fresh, summary)
        found = {} if analysis is None else of(analysis)
    assert found == of(analyze(whole, SUMMARY))
    assert found["trigger"].component == DATABASE
    assert told < 3 * (end - START) / WINDOW_S


def test_a_server_that_idled_before_its_traffic_takes_chronic_failures_for_usual_as_the_batch_does() -> None:
    """Also in the first windows: those that passed empty are no history without failures."""
    told = [
        server(f"s{n}", trace=f"t{n}", at=n / 4, service="shop", status="Error" if n % 4 == 0 else "Unset")
        for n in range(480)
    ]
    with telemetry(told) as connection:
        whole = observe(connection, 10)
    assert analyze(whole, SUMMARY).incidents == ()
    windows, watcher = LiveWindows(Settings(window_s=10, lateness_s=60), Limits()), Watcher(10)
    for idle in range(-100, 0, 10):
        fresh, _ = windows.observe(T0 + idle)
        assert fresh.start == fresh.end
    for now in range(10, 130, 10):
        windows.add(now, {"spans": pa.Table.from_pylist(told[(now - 10) * 4 : now * 4], schema=SPANS)})
        fresh, summary = windows.observe(T0 + now)
        analysis = watcher.step(fresh, summary)
        assert analysis is None or analysis.incidents == ()


def released(now: int) -> list[dict[str, Any]]:
    """Requests that come in the ten seconds before; from the third minute on a new version fails most of them."""
    found: list[dict[str, Any]] = []
    for n in range((now - 10) * 4, now * 4):
        new = n >= 180 * 4
        row = server(f"s{n}", trace=f"t{n}", at=n / 4, service="shop", status="Error" if new and n % 4 else "Unset")
        found.append(with_hex_ids(row | {"ResourceAttributes": [("service.version", "1.5.0" if new else "1.4.0")]}))
    return found


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_bad_release_is_named_by_the_version_that_spans_tell_also_after_a_restart(as_bytes: bool) -> None:
    settings, end = Settings(window_s=10, lateness_s=60), 240
    with telemetry([row for now in range(10, end + 10, 10) for row in released(now)]) as connection:
        whole = observe(connection, 10)
    windows, watcher = LiveWindows(settings, Limits()), Watcher(10)
    found: Analysis | None = None
    for now in range(10, end + 10, 10):
        if now == 210:
            state, windows, watcher = windows.state(), LiveWindows(settings, Limits()), Watcher(10)
            windows.restore(state, [], T0 + now - 10)
        if as_bytes:
            for row in released(now):
                windows.add(now, {}, encoded(row))
        else:
            windows.add(now, {"spans": pa.Table.from_pylist(released(now), schema=SPANS)})
        fresh, summary = windows.observe(T0 + now)
        found = watcher.step(fresh, summary) or found
    windows.tell_again()
    assert windows.observe(T0 + end)[0].versions == whole.versions
    assert found is not None
    assert of(found) == of(analyze(whole, SUMMARY))
    assert (of(found)["trigger"].component, of(found)["trigger"].kind) == ("shop", "bad_release")


def test_of_services_that_are_not_known_by_name_and_of_times_far_ahead_no_version_is_kept() -> None:
    windows = LiveWindows(Settings(window_s=10, lateness_s=60), Limits(services=1))
    told = [("shop", 0.0), ("cart", 1.0), ("shop", 1e6)]
    rows = [
        server(f"s{n}", trace=f"t{n}", at=seconds, service=name) | {"ResourceAttributes": [("service.version", str(n))]}
        for n, (name, seconds) in enumerate(told)
    ]
    windows.add(1, {"spans": pa.Table.from_pylist(rows[:1], schema=SPANS)})
    windows.observe(T0 + 5)
    windows.add(2, {"spans": pa.Table.from_pylist(rows[1:], schema=SPANS)})
    assert windows.observe(T0 + 10)[0].versions == {("shop", "0"): T0}
