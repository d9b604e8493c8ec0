"""What breaks by itself is why those fail of whom nobody tells what they call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, call, change, gauge, put, windows

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


def explained(rows: Iterator[Row], changes: list[Row], signals: list[Row] | None = None) -> Incident:
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


def cache(lost_at: int = BAD) -> list[Row]:
    hits = gauge("price-cache", "cache_hits", [900.0 if w < lost_at or w >= WELL else 10.0 for w in range(END)])
    misses = gauge("price-cache", "cache_misses", [100.0 if w < lost_at or w >= WELL else 990.0 for w in range(END)])
    return [*hits, *misses]


@pytest.mark.parametrize(
    ("signals", "changes", "told"),
    [
        (cache(), changed("restart", "price-cache"), "price-cache"),
        (cache(), [], MUTE),
        (cache(BAD - 14), changed("restart", "price-cache"), MUTE),
        ([], changed("restart", "price-cache"), MUTE),
    ],
    ids=["emptied as it was changed", "nobody changed it", "it was lost long before", "it was not lost"],
)
def test_a_cache_that_was_emptied_explains_it_where_somebody_changed_it_just_then(
    signals: list[Row], changes: list[Row], told: str
) -> None:
    trigger = explained(estate(lost=0), changes, signals).trigger
    assert trigger.component == told
    assert trigger.confidence < 0.9


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
