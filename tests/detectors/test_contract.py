"""What every registered detector promises, whichever it is."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from epicenter import detectors
from epicenter.collector.model import Windows
from epicenter.detectors.base import Finding
from epicenter.detectors.registry import DETECTORS
from epicenter.synthetic.scenarios import SCENARIOS
from tests.detectors.frames import Row, change, gauge, signal, windows
from tests.detectors.stories import calm, name_gone, process_gone

END = 80
ROOT = Path(detectors.__file__).parent


def signals(*, wrong: bool) -> Iterator[Row]:
    """One component of each kind that the detectors read, well until window 30 and, if `wrong`, ill until 60."""

    def told(well: float, ill: float) -> list[float]:
        return [ill if wrong and 30 <= window < 60 else well for window in range(END)]

    yield from gauge("prices.example", "dns_answers", told(3, 0), "A")
    yield from gauge("prices.example", "probe_ok", told(1, 1))
    yield from gauge("core", "queue_age_s", told(0.01, 9.0), "requests")
    for name, well, ill, item in (
        ("dns_responses", 90, 10, "NOERROR"),
        ("dns_responses", 1, 81, "SERVFAIL"),
        ("dns_lookup_failures", 0, 40, "ENOTFOUND"),
        ("cache_hits", 90, 10, ""),
        ("cache_misses", 10, 90, ""),
        ("health_flips", 0, 12, ""),
    ):
        for window, value in enumerate(told(well, ill)):
            yield signal(window, "example" if name == "dns_responses" else "prices.example", name, value, item)


@pytest.fixture(scope="module")
def quiet() -> Windows:
    return windows(END, calm(0, END), signals(wrong=False))


@pytest.fixture(scope="module")
def troubled() -> Windows:
    calls = [*calm(0, 30), *name_gone(30, 45), *process_gone(45, 55), *calm(55, END)]
    raced = [
        change(5, "record.upsert", "prices.example", "one", 7, Answers=2),
        change(29, "record.upsert", "prices.example", "two", 5, Answers=2),
        change(30, "record.delete", "prices.example", "one", 5, Answers=0),
    ]
    return windows(END, calls, signals(wrong=True), raced)


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


@pytest.mark.parametrize("name", DETECTORS)
def test_it_is_silent_when_nothing_is_wrong(name: str, quiet: Windows) -> None:
    assert DETECTORS[name](quiet) == []


@pytest.mark.parametrize("name", DETECTORS)
def test_it_says_the_same_whatever_the_order_of_the_rows(name: str, troubled: Windows) -> None:
    shuffled = replace(
        troubled,
        calls=troubled.calls.sample(frac=1, random_state=1),
        signals=troubled.signals.sample(frac=1, random_state=2),
    )
    assert DETECTORS[name](shuffled) == DETECTORS[name](troubled)


@pytest.mark.parametrize("name", DETECTORS)
def test_what_it_knew_at_a_time_stays_true_and_needs_nothing_later(name: str, troubled: Windows) -> None:
    """Fed window by window, each finding is there from its alarm on, with the beginning that it has in the end."""
    whole = {begun(f) for f in DETECTORS[name](troubled)}
    for window in range(10, END, 7):
        now = troubled.start + window * troubled.window_s
        early = {begun(f) for f in DETECTORS[name](until(troubled, window))}
        assert early <= whole
        assert {key for key in whole if key[3] <= now} <= early


def begun(finding: Finding) -> tuple[str, str, float, float]:
    return finding.kind, finding.component, finding.started_at, float(finding.facts.get("alarm_at", finding.started_at))


@pytest.mark.parametrize("name", DETECTORS)
def test_its_findings_travel_and_hold_numbers(name: str, troubled: Windows) -> None:
    found = DETECTORS[name](troubled)
    assert pickle.loads(pickle.dumps(found)) == found
    for finding in found:
        numbers = [finding.score, *(e.observed for e in finding.evidence), *(e.expected for e in finding.evidence)]
        numbers += [value for value in finding.facts.values() if not isinstance(value, str)]
        assert all(math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("gone", ["calls", "signals", "changes", "all"])
def test_it_bears_the_loss_of_any_telemetry(name: str, gone: str, troubled: Windows) -> None:
    parts = ("calls", "signals", "changes") if gone == "all" else (gone,)
    less = replace(troubled, **{part: getattr(troubled, part).iloc[:0] for part in parts})
    assert isinstance(DETECTORS[name](less), list)


def test_most_detectors_have_something_to_say_of_the_troubled_estate(troubled: Windows) -> None:
    spoke = {name for name, detect in DETECTORS.items() if detect(troubled)}
    # what these need is not in the story: leases, repeats, restarts, silence
    assert set(DETECTORS) - spoke <= {"lease_collapse", "restart_herd", "retry_storm", "telemetry_silence"}


def test_no_detector_knows_a_scenario_by_name() -> None:
    for path in sorted(ROOT.glob("*.py")):
        words = path.read_text(encoding="utf-8")
        assert not [name for name in SCENARIOS if name in words], path.name
