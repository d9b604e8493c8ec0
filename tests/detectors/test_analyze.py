"""The whole way from windows to an explained incident, on small stories."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from epicenter.detectors import analyze
from tests.detectors.frames import SUMMARY, WINDOW_S, Row, at, call, change, gauge, put, windows
from tests.detectors.stories import NAME, callee_fails, calm, name_gone, process_gone


def test_a_calm_recording_has_no_incident() -> None:
    assert analyze(windows(60, calm(0, 60)), SUMMARY).incidents == ()


def test_a_name_without_addresses_is_the_trigger_of_a_cascade() -> None:
    rows = [*calm(0, 20), *name_gone(20, 30), *calm(30, 60)]
    (incident,) = analyze(windows(60, rows), SUMMARY).incidents
    assert incident.verdict == "cascade"
    assert (incident.trigger.component, incident.trigger.service) == (NAME, "prices")
    assert incident.trigger.kind == "dns.empty_record"
    assert (incident.trigger.started_at, incident.trigger.ended_at) == (at(20), at(30))
    assert (incident.dns.role, incident.dns.failure, incident.dns.names) == ("root", "nodata", (NAME,))
    steps = {step.component: step for step in incident.cascade}
    assert steps["cart"].because_of == NAME
    assert steps["shop"].because_of == "cart"
    assert steps["shop"].path == ("shop", "cart.example", "cart", NAME)
    assert incident.detected_at <= at(22)
    assert incident.impact == pytest.approx(300, rel=0.05)


@pytest.mark.parametrize(("failure", "kind"), [("dns_nxdomain", "dns.nxdomain"), ("dns_servfail", "dns.servfail")])
def test_the_class_of_the_failure_gives_the_kind(failure: str, kind: str) -> None:
    rows = [*calm(0, 20), *name_gone(20, 30, failure), *calm(30, 40)]
    (incident,) = analyze(windows(40, rows), SUMMARY).incidents
    assert incident.trigger.kind == kind


def test_look_ups_that_began_to_fail_long_before_are_no_part_of_an_outage() -> None:
    """The cart asks for a name that is gone, and does without; half an hour later its process dies."""
    legacy = [call(w, "cart", "", "legacy.example", errors_dns_nxdomain=10) for w in range(20, 120)]
    seen = windows(120, [*calm(0, 80), *process_gone(80, 90), *calm(90, 120), *legacy])
    (incident,) = analyze(seen, SUMMARY).incidents
    assert (incident.trigger.kind, incident.dns.role, incident.ended_at) == ("crash", "innocent", at(90))


def test_a_dead_process_is_a_crash_and_dns_is_innocent() -> None:
    rows = [*calm(0, 20), *process_gone(20, 30), *calm(30, 50)]
    (incident,) = analyze(windows(50, rows), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("cart", "crash")
    assert incident.dns.role == "innocent"


def test_search_domains_that_a_resolver_answers_more_often_are_no_part_of_a_crash() -> None:
    """Who retries looks up more: for every name search domains are asked first."""
    rows = [*calm(0, 20), *process_gone(20, 30), *calm(30, 50)]
    answers = gauge("resolver-1", "dns_server_responses", put([100.0] * 50, 20, [200.0] * 10), "NOERROR")
    answers += gauge("resolver-1", "dns_server_responses", put([30.0] * 50, 20, [200.0] * 10), "NXDOMAIN")
    (incident,) = analyze(windows(50, rows, answers), SUMMARY).incidents
    assert (incident.trigger.component, incident.dns.role) == ("cart", "innocent")


def test_names_that_a_resolver_no_longer_knows_are_a_symptom_where_callers_do_not_say_how_they_fail() -> None:
    """As fetch does, which says no more than that it failed."""
    gone = [call(w, "", "shop", attempts=40, errors_server=40) for w in range(20, 30)]
    gone += [
        call(w, "shop", "", "cart.example", attempts=40, errors_other=40, unanswered_ns=2 * 10**8)
        for w in range(20, 30)
    ]
    answers = gauge("resolver-1", "dns_server_responses", [100.0] * 50, "NOERROR")
    answers += gauge("resolver-1", "dns_server_responses", put([1.0] * 50, 20, [80.0] * 10), "NXDOMAIN")
    (incident,) = analyze(windows(50, [*calm(0, 20), *gone, *calm(30, 50)], answers), SUMMARY).incidents
    assert (incident.trigger.kind, incident.dns.role, incident.dns.failure) == ("unknown", "symptom", "nxdomain")


@pytest.mark.parametrize(
    ("names", "seen", "probed", "verdict", "role"),
    [
        (3, True, False, "unknown", "none"),
        (3, False, False, "unknown", "none"),
        (3, True, True, "unknown", "innocent"),
        (1, True, False, "cascade", "innocent"),
    ],
    ids=["several", "several that send no spans", "names are probed", "one"],
)
def test_where_calls_to_several_wait_in_vain_a_look_up_may_be_what_they_waited_for(
    names: int, seen: bool, probed: bool, verdict: str, role: str
) -> None:
    """undici ends a connection that is not there after 10 s, and does not say whether it had an address."""
    rows: list[Row] = []
    for w in range(40):
        bad, tried = 20 <= w < 30, 60 // names
        lost = {"errors_connect": tried, "unanswered_ns": tried * 10**10} if bad else {}
        rows.append(call(w, "", "door", "", 60, errors_server=60 * bad))
        called = [(n if seen and not bad else "", f"{n}.example") for n in ("a", "b", "c")[:names]]
        rows += [call(w, "door", server, name, tried, **lost) for server, name in called]
    answers = [row for n in ("a", "b", "c") for row in gauge(f"{n}.example", "dns_answers", [2.0] * 40) if probed]
    (incident,) = analyze(windows(40, rows, answers), SUMMARY).incidents
    assert (incident.verdict, incident.dns.role) == (verdict, role)


def test_errors_on_their_way_up_count_once_at_the_bottom() -> None:
    rows = [*calm(0, 20), *callee_fails(20, 30), *calm(30, 50)]
    (incident,) = analyze(windows(50, rows), SUMMARY).incidents
    assert incident.trigger.component == "prices"
    assert incident.trigger.confidence > 0.5


def test_what_fails_from_the_first_second_on_is_history() -> None:
    rows = [*calm(0, 40)]
    rows += [row for row in name_gone(0, 40) if row["client"] == "cart" and not row["server"]]
    assert analyze(windows(40, rows), SUMMARY).incidents == ()


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [*calm(0, 20), *name_gone(20, 30), *calm(30, 40)]
    frames = windows(40, rows)
    shuffled = replace(frames, calls=frames.calls.sample(frac=1, random_state=3))
    assert analyze(shuffled, SUMMARY) == analyze(frames, SUMMARY)


def test_a_change_that_empties_the_record_dates_the_trigger_to_the_second() -> None:
    rows = [*calm(0, 20), *name_gone(20, 30), *calm(30, 40)]
    changes = [
        change(10, "record.upsert", NAME, "writer-a", 145, Answers=3),
        change(20.2, "record.upsert", NAME, "writer-c", 110, Answers=3),
        change(20.3, "record.delete", NAME, "writer-a", 110, Answers=0),
        change(29.5, "manual", NAME, "operator", 147, Answers=3),
    ]
    (incident,) = analyze(windows(40, rows, changes=changes), SUMMARY).incidents
    assert incident.trigger.started_at == at(20.3)
    told = " ".join(item.statement for item in incident.evidence)
    assert all(word in told for word in ("writer-a", "writer-c", "110", "145"))


def test_the_answer_at_any_later_moment_is_the_same() -> None:
    rows = [*calm(0, 20), *name_gone(20, 30), *callee_fails(30, 40), *calm(40, 60)]
    for cut in range(22, 60, 4):
        (incident,) = analyze(windows(cut, [row for row in rows if row["window"] < at(cut)]), SUMMARY).incidents
        assert incident.trigger.component == NAME


def seldom_asked(end: int, bad: range) -> Iterator[Row]:
    """Six reports a window, of which one in twenty-five fails, as ever; in `bad` one in four."""
    chance = random.Random(3)
    for window in range(end):
        failed = sum(chance.random() < (0.25 if window in bad else 0.04) for _ in range(6))
        yield call(window, "shop", "report", "report.example", attempts=6, errors_server=failed)


def test_who_is_seldom_asked_and_never_quite_well_does_not_swallow_the_next_outage() -> None:
    """So few calls prove in hours that it fails no more often than ever; users were well again at once."""
    rows = [*calm(0, 30), *name_gone(30, 60), *calm(60, 120), *process_gone(120, 130), *calm(130, 150)]
    analysis = analyze(windows(150, [*rows, *seldom_asked(150, range(30, 60))]), SUMMARY)
    first, second = sorted(analysis.incidents, key=lambda incident: incident.started_at)
    assert (first.trigger.component, first.started_at) == (NAME, at(30))
    assert "report" in {step.component for step in first.cascade}
    assert first.ended_at is not None
    assert abs(first.ended_at - at(60)) <= 3 * WINDOW_S
    assert (second.trigger.component, second.started_at, second.ended_at) == ("cart", at(120), at(130))
    assert "report" not in {step.component for step in second.cascade}


def test_who_is_seldom_asked_and_goes_on_failing_keeps_its_outage() -> None:
    rows = [*calm(0, 30), *name_gone(30, 60), *calm(60, 130), *seldom_asked(130, range(30, 130))]
    (incident,) = analyze(windows(130, rows), SUMMARY).incidents
    assert (incident.started_at, incident.ended_at) == (at(30), None)
