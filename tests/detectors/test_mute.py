"""What breaks by itself is why those fail of whom nobody tells what they call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, at, call, change, gauge, put, windows

BAD, WELL, END = 30, 45, 60
NAME, MUTE = "prices.example", "quotes.example"


def estate(mute_from: int = BAD, spans: bool = False, how: str = "dns_unspecified", lost: int = 20) -> Iterator[Row]:
    """Users reach the shop and the till; the shop calls who sends no spans, and mostly fails by it; the till a name."""
    for window in range(END):
        late, down = mute_from <= window < WELL, BAD <= window < WELL
        yield call(window, "", "shop", attempts=60, errors_server=30 * late)
        answers = "quotes" if spans else ""
        yield call(window, "shop", answers, MUTE, 40, answered=40, unanswered=0, errors_server=30 * late)
        yield call(window, "", "till", attempts=60, errors_server=lost * down)
        if down and how == "server":
            yield call(window, "till", "prices", NAME, 40, errors_server=lost)
            continue
        yield call(window, "till", "prices", NAME, 40 - lost * down)
        if down and lost:
            refused = {"refused": lost} if how == "connect" else {}
            yield call(window, "till", "", NAME, lost, **{f"errors_{how}": lost}, **refused)


EMPTIED = [change(BAD, "record.delete", NAME, "operator", None, Answers=0), change(WELL, "record.upsert", NAME, "o", 2)]


def explained(rows: Iterable[Row], changes: list[Row], signals: list[Row] | None = None) -> Incident:
    (incident,) = analyze(windows(END, rows, signals or [], changes), SUMMARY).incidents
    return incident


def probed() -> list[Row]:
    return gauge(NAME, "dns_answers", put([2.0] * END, BAD, [0.0] * (WELL - BAD)), "A")


@pytest.mark.parametrize(("changes", "signals"), [(EMPTIED, []), ([], probed())], ids=["its change", "probes"])
def test_who_sends_no_spans_and_fails_as_a_record_is_emptied_is_explained_by_it(
    changes: list[Row], signals: list[Row]
) -> None:
    incident = explained(estate(), changes, signals)
    assert (incident.verdict, incident.trigger.component, incident.trigger.kind) == (
        "cascade",
        NAME,
        "dns.empty_record",
    )
    assert 0.5 < incident.trigger.confidence < 0.9
    assert incident.dns.role == "root"
    assert MUTE in [candidate.component for candidate in incident.candidates]


def changed(kind: str, target: str) -> list[Row]:
    return [change(BAD - 0.5, kind, target, "ci", 2)]


@pytest.mark.parametrize(
    ("how", "changes", "kind"),
    [("connect", [], "crash"), ("server", changed("deploy", "prices"), "bad_release")],
    ids=["it died", "it was released"],
)
def test_a_service_that_died_or_was_released_explains_it_too(how: str, changes: list[Row], kind: str) -> None:
    trigger = explained(estate(how=how), changes).trigger
    assert (trigger.component, trigger.kind) == ("prices", kind)
    assert 0.5 < trigger.confidence < 0.9


def test_who_fails_for_no_reason_that_is_known_explains_nobody() -> None:
    assert explained(estate(how="server"), []).trigger.component == MUTE


WELL_THEN = {"server": "prices", "answered": 20, "unanswered": 0, "errors": 0, "errors_connect": 0, "refused": 0}
DIED = list(estate(how="connect"))
LATER = [
    row if row["peer"] != NAME or not at(BAD) <= row["window"] < at(BAD + 4) else {**row, **WELL_THEN} for row in DIED
]
ASKS = [call(window, "prices", "", MUTE, 4, answered=4, unanswered=0) for window in range(END)]


@pytest.mark.parametrize(
    ("rows", "changes"),
    [
        ([*DIED, *ASKS], []),
        (DIED, changed("restart", "quotes")),
        (LATER, []),
        (estate(how="connect", lost=10), []),
        (estate(), [change(BAD + 2, "record.delete", NAME, "operator", None, Answers=0)]),
    ],
    ids=["it asks that one", "that one was started anew", "it died later", "few failed by it", "emptied later"],
)
def test_what_may_follow_from_it_or_tells_too_little_explains_it_not(rows: Iterable[Row], changes: list[Row]) -> None:
    assert explained(rows, changes).trigger.component in (MUTE, "quotes")


@pytest.mark.parametrize(
    ("rows", "changes"),
    [(estate(), []), (estate(spans=True), EMPTIED), (estate(mute_from=BAD - 14), EMPTIED)],
    ids=["nothing tells that it is gone", "who fails tells of its calls itself", "it failed long before"],
)
def test_who_fails_more_is_not_explained_by_a_name_where_that_is_not_so(
    rows: Iterator[Row], changes: list[Row]
) -> None:
    incident = explained(rows, changes)
    assert incident.trigger.component in (MUTE, "quotes")
