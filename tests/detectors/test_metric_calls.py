"""An estate that sends only metrics is explained as far as they tell, and no further."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from epicenter.collector.model import CALLS, Windows
from epicenter.detectors import Analysis, analyze
from epicenter.detectors.metric_calls import from_metrics, outcome, with_metric_calls
from tests.detectors.frames import SUMMARY, Row, at, call, change, signal, windows

NAME = "cart.example"
END = 40


def requests(window: int, service: str, count: float, failed: float = 0) -> Iterator[Row]:
    yield signal(window, service, "requests", count)
    if failed:
        yield signal(window, service, "errors", failed, "503")


def outcomes(window: int, client: str, peer: str, **counts: float) -> Iterator[Row]:
    """A client's counter of calls by outcome; digits are written with an s before them, and no word as `silent`."""
    for word, count in counts.items():
        yield signal(
            window, peer, "client_outcomes", count, f"{client}\t{'' if word == 'silent' else word.lstrip('s')}"
        )


def calm(start: int, end: int) -> Iterator[Row]:
    """Users reach the shop and the desk, both of them the cart by its name."""
    for window in range(start, end):
        yield from requests(window, "shop", 40, int(window % 5 == 0))
        yield from requests(window, "desk", 40)
        yield from requests(window, "cart", 80)
        yield from outcomes(window, "shop", NAME, s200=40)
        yield from outcomes(window, "desk", NAME, s200=40)


def lost(start: int, end: int, shop: str, desk: str = "") -> Iterator[Row]:
    """Most calls to the cart get no answer; `shop` and `desk` are the callers' words for it."""
    for window in range(start, end):
        yield from requests(window, "shop", 40, 30)
        yield from requests(window, "desk", 40, 30)
        yield from requests(window, "cart", 20)
        yield from outcomes(window, "shop", NAME, s200=10, **{shop: 30})
        yield from outcomes(window, "desk", NAME, s200=10, **{desk or shop: 30})


def broken(start: int, end: int) -> Iterator[Row]:
    """The cart answers with errors, and the shop and the desk with it."""
    for window in range(start, end):
        yield from requests(window, "shop", 40, 30)
        yield from requests(window, "desk", 40, 30)
        yield from requests(window, "cart", 80, 60)
        yield from outcomes(window, "shop", NAME, s200=10, s503=30)
        yield from outcomes(window, "desk", NAME, s200=10, s503=30)


def seen(*stories: Iterator[Row]) -> Windows:
    return windows(END, signals=[row for story in stories for row in story])


def found(*stories: Iterator[Row]) -> Analysis:
    return analyze(seen(*stories), SUMMARY)


def test_nothing_is_wrong_on_a_calm_day() -> None:
    assert found(calm(0, END)).incidents == ()


def test_errors_that_climb_are_blamed_on_who_answered_with_them_first() -> None:
    (incident,) = found(calm(0, 20), broken(20, 30), calm(30, END)).incidents
    assert (incident.trigger.component, incident.dns.role) == ("cart", "none")  # what it looks up nobody counts
    assert (incident.verdict, 0.4 < incident.trigger.confidence < 0.6) == ("unknown", True)  # counters tell no kind
    assert incident.trigger.started_at == at(20)
    assert incident.trigger.ended_at == at(30)
    assert {step.component: step.because_of for step in incident.cascade} == {"shop": "cart", "desk": "cart"}
    assert incident.impact == pytest.approx(600, rel=0.05)


@pytest.mark.parametrize(
    ("word", "kind", "failure"),
    [
        ("ENOTFOUND", "dns.empty_record", "unspecified"),
        ("EAI_AGAIN", "dns.servfail", "unspecified"),
        ("EAI_NODATA", "dns.empty_record", "nodata"),
        ("ESERVFAIL", "dns.servfail", "servfail"),
    ],
)
def test_words_of_failed_resolution_blame_the_name(word: str, kind: str, failure: str) -> None:
    (incident,) = found(calm(0, 20), lost(20, 30, word), calm(30, END)).incidents
    assert (incident.trigger.component, incident.trigger.service, incident.trigger.kind) == (NAME, "cart", kind)
    assert (incident.dns.role, incident.dns.failure) == ("root", failure)


def test_a_caller_without_words_has_those_of_another_caller_of_the_name() -> None:
    (incident,) = found(calm(0, 20), lost(20, 30, "ENOTFOUND", "silent"), calm(30, END)).incidents
    assert (incident.trigger.component, incident.trigger.confidence > 0.7) == (NAME, True)
    (incident,) = found(calm(0, 20), lost(20, 30, "ECONNREFUSED", "_OTHER"), calm(30, END)).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("cart", "crash")


def test_what_was_not_answered_and_never_said_why_accuses_nobody_of_more_than_that() -> None:
    analysis = found(calm(0, 20), lost(20, 30, "silent"), calm(30, END))
    (incident,) = analysis.incidents
    assert (incident.trigger.component, incident.trigger.kind, incident.dns.role) == ("cart", "unknown", "none")
    assert f"No counter says why calls to {NAME} got no answer" in " ".join(s.statement for s in analysis.blind_spots)


@pytest.mark.parametrize("witness", ["lookups", "probe"])
def test_look_ups_and_probes_of_the_name_say_what_its_callers_do_not(witness: str) -> None:
    def told() -> Iterator[Row]:
        for window in range(END):
            gone = 20 <= window < 30
            if witness == "probe":
                yield signal(window, NAME, "dns_answers", 0 if gone else 4, "A")
                yield signal(window, NAME, "dns_answers", 0, "AAAA")
            elif gone:
                yield signal(window, NAME, "dns_lookup_failures", 60, "EAI_NODATA")

    (incident,) = found(calm(0, 20), lost(20, 30, "silent"), calm(30, END), told()).incidents
    assert (incident.trigger.component, incident.trigger.kind) == (NAME, "dns.empty_record")
    assert incident.dns.role == "root"


def test_servers_alone_tell_that_users_failed_and_not_whose_fault_it_was() -> None:
    def servers(failed: float, start: int, end: int) -> Iterator[Row]:
        for window in range(start, end):
            for service in ("shop", "desk", "cart"):
                yield from requests(window, service, 40, failed)

    analysis = found(servers(0, 0, 20), servers(30, 20, 30), servers(0, 30, END))
    (incident,) = analysis.incidents
    assert incident.verdict == "unknown"
    assert "No counter tells whom cart, desk, shop called" in " ".join(s.statement for s in analysis.blind_spots)


def test_good_codes_of_resolvers_do_not_clear_names_of_which_nobody_tells() -> None:
    """An empty record is NOERROR; only who asks for the name, or counts what comes back, can tell."""

    def told(also: str) -> Iterator[Row]:
        for window in range(END):
            yield signal(window, "shop", "requests", 400)
            yield signal(window, "shop", "errors", 300 if 20 <= window < 30 else 0)
            yield signal(window, ".", "dns_responses", 900, "NOERROR")
            if also:
                yield signal(window, NAME, also, 4, "A")

    assert [found(told(also)).incidents[0].dns.role for also in ("", "dns_answers")] == ["none", "innocent"]


def probes(host: str, failing: range) -> Iterator[Row]:
    for window in range(END):
        for city in ("ashburn", "tokyo", "lima"):
            yield signal(window, f"https://{host}/health", "probe_ok", float(window not in failing), city)


def test_failing_probes_are_an_incident_of_unknown_cause() -> None:
    (incident,) = found(probes("www.example", range(20, 30))).incidents
    assert (incident.verdict, incident.trigger.component) == ("unknown", "www.example")
    assert incident.started_at == at(20)
    assert found(probes("www.example", range(0))).incidents == ()


def test_a_probe_of_a_name_is_no_user() -> None:
    answers = (signal(window, "https://www.example/health", "dns_answers", 4) for window in range(END))
    assert found(probes("www.example", range(20, 30)), answers).incidents == ()


def test_a_deploy_just_before_is_told_of_metrics_too() -> None:
    told = seen(calm(0, 20), broken(20, 30), calm(30, END))
    released = windows(1, changes=[change(19.5, "deploy", "cart", "ci", 7)]).changes
    (incident,) = analyze(replace(told, changes=released), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.kind) == ("cart", "bad_release")


def test_services_that_send_spans_are_left_to_them() -> None:
    spans = [call(window, "", "shop", attempts=40) for window in range(END)]
    spans += [call(window, "shop", "cart", NAME, attempts=40) for window in range(END)]
    told = windows(
        END, spans, [*outcomes(0, "shop", NAME, s503=9), *requests(0, "cart", 9, 9), *requests(0, "shop", 9, 9)]
    )
    assert with_metric_calls(told).calls.equals(told.calls)


def test_an_uninstrumented_caller_beside_instrumented_ones_is_no_user() -> None:
    spans = [call(window, "", "shop", attempts=40) for window in range(END)]
    told = [*outcomes(0, "cron", "stock.example", s503=9, s200=1), *requests(0, "cron", 5)]
    told = windows(END, spans, [*told, *requests(0, "shop", END * 400)])
    laid = with_metric_calls(told)
    more = laid.calls[from_metrics(laid)]
    assert list(more["client"] + ">" + more["server"]) == [">cron", "cron>stock.example"]
    assert list(more[["attempts", "errors", "errors_server", "entries"]].sum()) == pytest.approx([1.5, 0.9, 0.9, 0])


@pytest.mark.parametrize("dark", [range(20, 30), range(20, 60)])
def test_a_silence_of_any_length_leaves_counters_their_size(dark: range) -> None:
    """Spans tell of every tenth request, in the dark of none; its first window is still taken for light."""
    lit = [window for window in range(70) if window not in dark]
    spans = [call(w, *edge, attempts=40) for w in lit for edge in (("", "shop"), ("shop", "cart", NAME))]
    told = [row for window in range(70) for row in requests(window, "shop", 400)]
    laid = with_metric_calls(windows(70, spans, told))
    assert laid.calls.loc[from_metrics(laid), "attempts"].tolist() == pytest.approx([40.0] * (len(dark) - 1), rel=0.05)


def test_a_service_that_is_called_mostly_from_outside_is_entered_there() -> None:
    told = windows(1, signals=[*requests(0, "cart", 100, 40), *outcomes(0, "shop", NAME, s200=20, s503=10)])
    rows = with_metric_calls(told).calls
    assert dict(zip(rows["client"], rows["entries"], strict=True)) == {"": 70, "shop": 0}
    assert int(rows.loc[rows["client"] == "", "errors"].sum()) == 30


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("404", (True, "")),
        ("429", (True, "server")),
        ("OK", (True, "")),
        ("501", (True, "")),
        ("14", (False, "other")),
        ("UNAVAILABLE", (False, "other")),
        ("DEADLINE_EXCEEDED", (False, "deadline")),
        ("4", (False, "deadline")),
        ("timeout", (False, "deadline")),
        ("java.net.UnknownHostException", (False, "dns_unspecified")),
        ("socket.gaierror", (False, "dns_unspecified")),
        ("name_resolution_error", (False, "dns_unspecified")),
        ("connection_error", (False, "connect")),
        ("secure_connection_error", (False, "other")),
        ("ResourceExhausted", (True, "server")),
        ("DeadlineExceeded", (False, "deadline")),
        ("InvalidArgument", (True, "")),
        ("UF,URX", (False, "connect")),
        ("UT", (False, "deadline")),
        ("UH", (False, "other")),
    ],
)
def test_what_a_word_means(word: str, means: tuple[bool, str]) -> None:
    assert outcome(word) == means


def test_rows_have_the_models_columns_and_types() -> None:
    rows = with_metric_calls(seen(calm(0, 3))).calls
    assert list(rows.columns) == CALLS.names
    assert not rows.isna().any().any()
