"""Telemetry that falls silent is told apart from an estate at rest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.base import Finding
from epicenter.detectors.telemetry_silence import KIND, telemetry_silence, told_across
from tests.detectors.frames import START, SUMMARY, WINDOW_S, Row, call, change, gauge, signal, windows
from tests.detectors.stories import calm, process_gone

END = 60
DARK = range(30, 45)


def at(window: int) -> float:
    return float(START + window * WINDOW_S)


def interrupted() -> list[Row]:
    return [*calm(0, DARK.start), *calm(DARK.stop, END)]


def scrapes(*down: str) -> Iterator[Row]:
    for name in ("shop", "cart", "prices"):
        up = [0.0 if name in down and window in DARK else 1.0 for window in range(END)]
        yield from gauge(name, "up", up)


def balancer(failed: float) -> Iterator[Row]:
    for window in range(END):
        yield signal(window, "shop", "requests", 400)
        yield signal(window, "shop", "errors", failed if window in DARK else 0)


def test_targets_that_cannot_be_scraped_make_a_silence() -> None:
    (found,) = telemetry_silence(windows(END, interrupted(), scrapes("shop", "cart", "prices")))
    assert (found.started_at, found.ended_at) == (at(DARK.start), at(DARK.stop))
    assert (
        found.evidence[0].statement
        == "100% of the services sent no spans, and 100% of the targets could not be scraped"
    )


@pytest.mark.parametrize("signals", [[], list(scrapes()), list(scrapes("cart"))])
def test_an_estate_that_nobody_calls_is_at_rest(signals: list[Row]) -> None:
    assert telemetry_silence(windows(END, interrupted(), signals)) == []
    assert analyze(windows(END, interrupted(), signals), SUMMARY).incidents == ()


@pytest.mark.parametrize("known", [["resolver"], ["resolver", "gate"]])
def test_one_or_two_targets_that_are_down_tell_of_themselves(known: list[str]) -> None:
    """As the exporter of a resolver that died, for want of which nobody is called."""
    up = [0.0 if window in DARK else 1.0 for window in range(END)]
    assert (
        telemetry_silence(windows(END, interrupted(), [row for name in known for row in gauge(name, "up", up)])) == []
    )


def read_in_every(pace: int, first: int, calls: int) -> list[Row]:
    """Counters of who asks whom, read amid one of so many windows; calls: in each window of the dark."""
    came = [calls if window in DARK else 400 for window in range(END)]
    read = []
    for window in range(first, END, pace):
        whole = came[max(0, window - pace) : window + 1]
        grew = sum(whole) - (whole[0] + whole[-1]) / 2
        read += [signal(window, name, "requests", grew) for name in ("shop", "cart", "prices")]
    return read


PACES = [(1, 0), (2, 0), (2, 1), (3, 1), (6, 2), (6, 5)]
"""In how many windows counters are read once, and the first of those."""


@pytest.mark.parametrize(("pace", "first"), PACES)
def test_a_reading_after_the_last_span_tells_of_the_time_before_it(pace: int, first: int) -> None:
    """Nobody calls in the dark."""
    assert telemetry_silence(windows(END, interrupted(), read_in_every(pace, first, calls=0))) == []


@pytest.mark.parametrize(("pace", "first"), PACES)
def test_counters_tell_of_a_silence_however_seldom_they_are_read(pace: int, first: int) -> None:
    (found,) = telemetry_silence(windows(END, interrupted(), read_in_every(pace, first, calls=400)))
    assert at(DARK.start) <= found.started_at <= at(DARK.start + pace)
    assert found.ended_at == at(DARK.stop)


def test_a_counter_speaks_for_a_service_that_is_silent() -> None:
    (incident,) = analyze(windows(END, interrupted(), balancer(300)), SUMMARY).incidents
    assert incident.verdict == "unknown"
    assert incident.started_at == pytest.approx(at(DARK.start), abs=WINDOW_S)  # spans of a window ago still speak
    assert "of users of shop failed" in " ".join(item.statement for item in incident.evidence)


def test_a_counter_that_tells_of_good_requests_is_no_incident() -> None:
    analysis = analyze(windows(END, interrupted(), balancer(0)), SUMMARY)
    assert analysis.incidents == ()
    assert any("what happened then cannot be told" in spot.statement for spot in analysis.blind_spots)


def test_where_nothing_speaks_any_more_somebody_has_to_look() -> None:
    analysis = analyze(windows(END, interrupted(), scrapes("shop", "cart", "prices")), SUMMARY)
    (incident,) = analysis.incidents
    assert (incident.verdict, incident.trigger.component, incident.trigger.confidence) == ("unknown", "telemetry", 0.0)


def counters(failed: float) -> Iterator[Row]:
    """Who calls the prices counts its calls and their words; across the silence it is read once, after it."""
    for window in range(END):
        if window not in DARK:
            grew = len(DARK) + 1 if window == DARK.stop else 1
            bad = failed * (grew - 1)
            for name in ("shop", "cart"):
                yield signal(window, name, "requests", 400 * grew)
                yield signal(window, name, "errors", bad)
            yield signal(window, "cart.example", "client_outcomes", 400 * grew - bad, "shop\t200")
            yield signal(window, "cart.example", "client_outcomes", bad, "shop\t500")
            yield signal(window, "prices.example", "client_outcomes", 400 * grew - bad, "cart\t200")
            yield signal(window, "prices.example", "client_outcomes", bad, "cart\tECONNREFUSED")


def restart(service: str) -> Row:
    return change(DARK.stop - 1, "restart", service, "operators", None)


def test_counters_that_are_read_again_tell_what_failed_in_a_silence() -> None:
    (incident,) = analyze(windows(END, interrupted(), counters(300)), SUMMARY).incidents
    assert incident.verdict == "cascade"
    assert (incident.trigger.component, incident.trigger.kind) == ("prices", "crash")
    assert incident.trigger.started_at == pytest.approx(at(DARK.start), abs=WINDOW_S)


def test_counters_that_are_read_again_tell_that_all_was_well() -> None:
    assert analyze(windows(END, interrupted(), counters(0)), SUMMARY).incidents == ()


@pytest.mark.parametrize(
    ("started", "named"),
    [
        (["prices"], "prices"),
        (["prices.example"], "prices"),
        (["prices", "prices.example"], "prices"),
        (["prices", "shop"], ""),
        (["elsewhere"], ""),
    ],
)
def test_the_only_one_that_was_started_anew_explains_who_depends_on_it(started: list[str], named: str) -> None:
    """Of the silence a balancer tells that users failed, and nothing else why."""
    changes = [restart(name) for name in started]
    (incident,) = analyze(windows(END, interrupted(), balancer(300), changes), SUMMARY).incidents
    assert (incident.trigger.component if incident.verdict != "unknown" else "") == named
    assert named == "" or (incident.trigger.kind, incident.trigger.ended_at) == ("crash", at(DARK.stop - 1))


@pytest.mark.parametrize(
    ("started", "named"), [(["prices"], "prices"), (["prices", "cart"], ""), (["collector"], ""), ([], "")]
)
def test_where_no_call_is_seen_to_fail_it_is_rather_the_only_one_that_was_started_anew(
    started: list[str], named: str
) -> None:
    changes = [restart(name) for name in started]
    (incident,) = analyze(windows(END, interrupted(), scrapes("shop", "cart", "prices"), changes), SUMMARY).incidents
    assert (incident.trigger.component if incident.verdict != "unknown" else "") == named
    assert incident.trigger.confidence < 0.8


def test_how_it_began_is_known_from_the_calls_before_the_silence() -> None:
    calls = [*calm(0, 27), *process_gone(27, 30), *calm(DARK.stop, END)]
    (incident,) = analyze(windows(END, calls, scrapes("shop", "cart", "prices")), SUMMARY).incidents
    assert (incident.verdict, incident.trigger.component, incident.trigger.kind) == ("cascade", "cart", "crash")


@pytest.mark.parametrize(("success", "found"), [(0.0, 1), (1.0, 0)])
def test_a_probe_that_fails_meanwhile_makes_a_silence(success: float, found: int) -> None:
    probes = gauge("https://shop.example/", "probe_ok", [success if w in DARK else 1.0 for w in range(END)])
    assert len(telemetry_silence(windows(END, interrupted(), probes))) == found


@pytest.mark.parametrize(("since", "found"), [(5, 0), (27, 1), (33, 1)])
def test_a_probe_that_has_failed_for_long_tells_nothing_of_a_quiet_night(since: int, found: int) -> None:
    probes = gauge("https://shop.example/old", "probe_ok", [float(w < since) for w in range(END)])
    assert len(telemetry_silence(windows(END, interrupted(), probes))) == found


def test_probes_of_another_time_tell_nothing() -> None:
    assert telemetry_silence(windows(END, interrupted(), [signal(END + 5, "shop", "probe_ok", 0.0)])) == []


def worked(failed: float) -> Windows:
    """A worker, which nobody calls, calls the cart; in the silence counters go on for both."""
    calls, signals = [], []
    for window in range(END):
        bad = failed if window in DARK else 0
        if window not in DARK:
            calls.append(call(window, "worker", "cart", "cart.example", attempts=40, entries=40))
            calls.append(call(window, "cart", "prices", "prices.example", attempts=40))
        signals.append(signal(window, "cart", "requests", 400 - bad))
        signals.append(signal(window, "cart.example", "client_outcomes", 400 - bad, "worker\t200"))
        signals.append(signal(window, "cart.example", "client_outcomes", bad, "worker\tECONNREFUSED"))
    return windows(END, calls, signals)


@pytest.mark.parametrize(("failed", "found"), [(300, ["cart"]), (0, [])])
def test_who_only_calls_is_silent_with_the_others(failed: float, found: list[str]) -> None:
    assert [i.trigger.component for i in analyze(worked(failed), SUMMARY).incidents] == found


@pytest.mark.parametrize("counted", [["u", "v", "w"], ["shop"], ["shop", "cart"]])
def test_counters_speak_for_a_silence_if_most_of_those_in_it_have_some(counted: list[str]) -> None:
    """The mail goes on sending spans; u, v and w never sent any."""
    calls = [call(0, name, "db", "db.example") for name in ("shop", "cart", "mail")] + [call(1, "mail", "db")]
    calls += [call(1, name, "db", "db.example", example_trace="") for name in counted]
    silence = Finding(at(1), at(2), detector="test", kind=KIND, component="telemetry", score=1.0, evidence=())
    assert told_across(windows(3, calls), silence) == (counted == ["shop", "cart"])
