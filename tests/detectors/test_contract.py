"""What every registered detector promises, whichever it is."""

from __future__ import annotations

import ast
import gc
import inspect
import math
import pickle
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from epicenter import detectors
from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.base import Detector, Finding
from epicenter.detectors.gate import user_visible
from epicenter.detectors.registry import DETECTORS
from epicenter.detectors.waits import users_waited
from tests.detectors.ailments import AILMENTS, BEGAN, all_at_once, signals
from tests.detectors.frames import SUMMARY, at, windows
from tests.detectors.stories import calm

END = 80
ROOT = Path(detectors.__file__).parent


DAY = 2880
"""Windows of a day."""

UNITLESS = ("leases_active", "queue_depth")
"""Concepts that detectors read and whose names tell no unit: what an estate counts there is its own affair.

Counts of requests, answers and hosts have no other unit, and durations come in seconds whatever unit they were told in,
to which `tests/collector/test_signals.py` holds the collector. What processors, memory and network carry nobody reads.
"""

UNREGISTERED: dict[str, Detector] = {"gate": user_visible, "waits": users_waited}
"""Functions of detectors' kind, by module, that are none: they tell what users met, which every incident has to pass
and no incident is explained by. They keep the promises that a window by window analysis needs."""

EVERY = DETECTORS | UNREGISTERED


@pytest.fixture(scope="module")
def quiet() -> Windows:
    return windows(END, calm(0, END), signals(END))


@cache
def ailing(name: str) -> Windows:
    """The estate in which something is wrong for the detector; KeyError for one that nobody told a story for."""
    return AILMENTS[name](END)


def until(seen: Windows, window: int) -> Windows:
    end = seen.start + window * seen.window_s
    calls, signal_rows, changes = seen.calls, seen.signals, seen.changes
    return replace(
        seen,
        end=end,
        calls=calls[calls["window"] < end],
        signals=signal_rows[signal_rows["window"] < end],
        changes=changes[changes["time"] < end],
    )


def test_every_detector_is_registered() -> None:
    """Or is told, with the reason, to be none."""
    written = {f"{path.stem}.{name}" for path in ROOT.glob("*.py") for name in of_detectors_kind(path)}
    known = {f"{each.__module__.rpartition('.')[2]}.{each.__name__}" for each in map(inspect.unwrap, EVERY.values())}
    assert written == known


def of_detectors_kind(path: Path) -> Iterator[str]:
    """The public functions of a module that take windows alone and return findings."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            takes = [ast.unparse(told.annotation) if told.annotation else "" for told in node.args.args]
            if takes == ["Windows"] and node.returns and ast.unparse(node.returns) == "list[Finding]":
                yield node.name


@pytest.mark.parametrize("name", DETECTORS)
def test_it_finds_what_it_is_for(name: str) -> None:
    found = DETECTORS[name](ailing(name))
    assert {finding.detector for finding in found} == {name}
    assert [finding for finding in found if at(BEGAN - 1) <= finding.started_at <= at(BEGAN + 1)]


@pytest.mark.parametrize("name", EVERY)
def test_it_is_silent_when_nothing_is_wrong(name: str, quiet: Windows) -> None:
    assert EVERY[name](quiet) == []


@pytest.mark.parametrize("name", EVERY)
def test_it_says_the_same_whatever_the_order_of_the_rows(name: str) -> None:
    seen = ailing(name)
    shuffled = replace(
        seen,
        calls=seen.calls.sample(frac=1, random_state=1),
        signals=seen.signals.sample(frac=1, random_state=2),
        changes=seen.changes.sample(frac=1, random_state=3),
    )
    assert EVERY[name](shuffled) == EVERY[name](seen)


@pytest.mark.parametrize("name", EVERY)
def test_what_it_knew_at_a_time_stays_true_and_needs_nothing_later(name: str) -> None:
    """Fed window by window, each finding is there from its alarm on, with the beginning that it has in the end."""
    seen = ailing(name)
    whole = {begun(f) for f in EVERY[name](seen)}
    for window in range(10, END, 7):
        now = seen.start + window * seen.window_s
        early = {begun(f) for f in EVERY[name](until(seen, window))}
        assert early <= whole
        assert {key for key in whole if key[3] <= now} <= early


def begun(finding: Finding) -> tuple[str, str, float, float]:
    return finding.kind, finding.component, finding.started_at, float(finding.facts.get("alarm_at", finding.started_at))


@pytest.mark.parametrize("name", EVERY)
def test_its_findings_travel_and_hold_numbers(name: str) -> None:
    found = EVERY[name](ailing(name))
    assert pickle.loads(pickle.dumps(found)) == found
    assert_finite(found)


def assert_finite(found: list[Finding]) -> None:
    for finding in found:
        numbers = [finding.score, *(e.observed for e in finding.evidence), *(e.expected for e in finding.evidence)]
        numbers += [value for value in finding.facts.values() if not isinstance(value, str)]
        numbers += [finding.started_at, *(time for e in finding.evidence for time in e.window)]
        numbers += [] if finding.ended_at is None else [finding.ended_at]
        assert finding.ended_at is None or finding.ended_at >= finding.started_at
        assert all(math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("gone", ["calls", "signals", "changes", "all"])
def test_it_bears_the_loss_of_any_telemetry(name: str, gone: str) -> None:
    seen, parts = ailing(name), ("calls", "signals", "changes") if gone == "all" else (gone,)
    less = replace(seen, **{part: getattr(seen, part).iloc[:0] for part in parts})
    assert_finite(DETECTORS[name](less))


@pytest.mark.parametrize("name", EVERY)
def test_what_is_not_a_number_goes_in_and_does_not_come_out(name: str) -> None:
    """A scrape that failed, a change that tells neither its generation nor that it left addresses."""
    signal_rows, changes = ailing(name).signals, ailing(name).changes
    holes = signal_rows["window"] % 7 == 0
    values = ["value", "low", "high"]
    less = replace(
        ailing(name),
        signals=signal_rows.assign(**{v: signal_rows[v].mask(holes) for v in values}),
        changes=changes.assign(Generation=np.nan, Answers=changes["Answers"].mask(changes["Answers"] > 0)),
    )
    assert_finite(EVERY[name](less))


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("unit", [2.0**-20, 1000.0])
def test_units_that_nobody_told_do_not_matter(name: str, unit: float) -> None:
    """Single leases or thousands of them, and so with what waits in queues."""
    rows = ailing(name).signals
    scale = np.where(rows["concept"].isin(UNITLESS), unit, 1.0)
    other = replace(ailing(name), signals=rows.assign(**{v: rows[v] * scale for v in ("value", "low", "high")}))

    def told(seen: Windows) -> list[tuple[object, ...]]:
        return [(begun(f), f.ended_at, f.score, f.edges, f.facts) for f in DETECTORS[name](seen)]

    assert told(other) == told(ailing(name))


@pytest.mark.parametrize("concept", UNITLESS)
def test_what_has_no_unit_is_read(concept: str) -> None:
    """So that the test of units can tell something by it."""

    def told(name: str, seen: Windows) -> list[Finding]:
        return DETECTORS[name](replace(seen, signals=seen.signals[seen.signals["concept"] != concept]))

    assert [name for name in DETECTORS if told(name, ailing(name)) != DETECTORS[name](ailing(name))]


@pytest.mark.parametrize("name", DETECTORS)
def test_a_day_is_held_no_longer_than_it_is_looked_at(name: str) -> None:
    """At a fixed number of edges the memory grows with the windows as the frames do, and all but findings is freed."""
    DETECTORS[name](ailing(name))  # what is built once in a process is no part of it
    day = AILMENTS[name](DAY)
    half = until(day, DAY // 2)
    (half_peak, _), (peak, kept) = memory(name, half), memory(name, day)
    assert peak < 2.5 * half_peak + 2**16
    assert peak < 2 * size(day)
    assert kept < 2**17


def memory(name: str, seen: Windows) -> tuple[int, int]:
    """Bytes that the detector took at its peak, and bytes that it keeps with its findings."""
    assert len(seen.edges.of) == len(seen.calls)  # what windows know of themselves, once for all detectors,
    assert len(seen.concepts) == seen.signals["concept"].nunique()  # is no part of it
    gc.collect()
    tracemalloc.start()
    found = DETECTORS[name](seen)
    peak = tracemalloc.get_traced_memory()[1]
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert isinstance(found, list)
    return peak, kept


def size(seen: Windows) -> int:
    return sum(int(frame.memory_usage(deep=True).sum()) for frame in (seen.calls, seen.signals))


@pytest.fixture(scope="module")
def troubled() -> Windows:
    return all_at_once(END)


@pytest.mark.parametrize(
    ("part", "columns", "told"),
    [
        ("calls", {"errors": 0, "errors_dns_nodata": 0, "errors_connect": 0, "errors_server": 0}, "error status"),
        ("calls", {"peer": ""}, "names the host"),
        ("calls", {"client": "", "peer": ""}, "tells who called"),
        ("calls", None, "No traces"),
        ("signals", None, "No metrics"),
        ("changes", None, "No change telemetry"),
    ],
)
def test_what_is_missing_is_told_as_a_blind_spot(
    part: str, columns: dict[str, object] | None, told: str, troubled: Windows
) -> None:
    rows = getattr(troubled, part)
    less = replace(troubled, **{part: rows.iloc[:0] if columns is None else rows.assign(**columns)})
    assert not [spot for spot in analyze(troubled, SUMMARY).blind_spots if told in spot.statement]
    assert [spot for spot in analyze(less, SUMMARY).blind_spots if told in spot.statement]
