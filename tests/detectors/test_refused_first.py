"""A process that dies takes its headless record with it: what came first is the cause."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from tests.detectors.frames import SUMMARY, Row, call, change, gauge, windows
from tests.detectors.stories import calm

BAD, END = 20, 40
HOST = "cart.example"


def told(rows: list[Row], changes: list[Row] | None = None, signals: list[Row] | None = None) -> Incident:
    (incident,) = analyze(windows(END, rows, signals or [], changes or []), SUMMARY).incidents
    return incident


def refused(start: int, end: int, client: str = "shop", of: int = 36, waited_s: float = 0.002) -> list[Row]:
    """Calls that nobody listened to; who repeated them before it said so waited for longer than a refusal takes."""
    lost = {"errors_connect": of, "refused": of * (waited_s > 1), "unanswered_ns": int(of * waited_s * 1e9)}
    rows = [call(w, client, "", HOST, of, **lost) for w in range(start, end)]
    return [*rows, *(call(w, client, "cart", HOST, 40 - of) for w in range(start, end) if of < 40)]


def unresolved(start: int, end: int, client: str = "shop", failure: str = "dns_nodata") -> list[Row]:
    return [call(w, client, "", HOST, 40, **{f"errors_{failure}": 40}) for w in range(start, end)]


def users(fail: bool = True) -> list[Row]:
    return [*calm(0, BAD), *(call(w, "", "shop", attempts=40, errors_server=36 * fail) for w in range(BAD, END))]


def emptied(at_window: float) -> Row:
    return change(at_window, "record.upsert", HOST, "endpoints", None, Answers=0)


@pytest.mark.parametrize("dead", [2, 4], ids=["two windows", "four windows"])
@pytest.mark.parametrize("waited_s", [0.002, 4.0], ids=["at once", "after repeats"])
@pytest.mark.parametrize(("released", "kind"), [(True, "bad_release"), (False, "crash")])
def test_a_record_that_is_emptied_since_its_process_died_is_a_symptom(
    dead: int, waited_s: float, released: bool, kind: str
) -> None:
    rows = [*users(), *refused(BAD, BAD + dead, waited_s=waited_s), *unresolved(BAD + dead, END)]
    changes = [emptied(BAD + dead - 0.1)]
    changes += [change(BAD - 0.3, "deploy", "cart", "ci", 12)] if released else []
    incident = told(rows, changes, gauge(HOST, "dns_answers", [3.0] * (BAD + dead) + [0.0] * (END - BAD - dead), "A"))
    assert (incident.trigger.component, incident.trigger.kind) == ("cart", kind)
    assert (incident.dns.role, incident.dns.names) == ("symptom", (HOST,))


@pytest.mark.parametrize(
    ("rows", "changes", "answers"),
    [
        ([*refused(BAD, BAD + 1), *unresolved(BAD + 1, END)], [], []),
        ([*refused(BAD, BAD + 3), *unresolved(BAD + 3, END)], [emptied(BAD + 0.2)], []),
        ([*refused(BAD, BAD + 3), *unresolved(BAD + 3, END)], [], [3.0] * BAD + [0.0] * 20),
        ([*refused(BAD, BAD + 3, of=4), *unresolved(BAD + 3, END)], [], []),
        ([*refused(BAD, BAD + 3), *unresolved(BAD + 3, END, failure="dns_servfail")], [], []),
        ([*refused(BAD, BAD + 3, "desk"), *unresolved(BAD, END)], [], []),
        ([*refused(BAD, BAD + 3, "desk"), *unresolved(BAD + 3, END)], [], []),
    ],
    ids=[
        "too short a time before",
        "somebody emptied it as calls were refused",
        "a probe saw it empty as calls were refused",
        "hardly any were refused",
        "the name server fails",
        "refused at the same time, for somebody else",
        "only somebody who never speaks of look-ups said so before",
    ],
)
def test_a_name_that_fails_by_itself_stays_the_cause(rows: list[Row], changes: list[Row], answers: list[float]) -> None:
    incident = told([*users(), *rows], changes, gauge(HOST, "dns_answers", answers, "A"))
    assert (incident.trigger.component, incident.dns.role) == (HOST, "root")


def test_a_client_that_says_when_a_name_fails_means_a_connection_where_it_says_so() -> None:
    """Some processes of the shop's cannot resolve the name while others are refused by who is left behind it."""
    rows = [*users()]
    for w in range(BAD, END):
        rows += [call(w, "shop", "", HOST, 16, errors_dns_nodata=4, errors_connect=12)]
        rows += [call(w, "shop", "cart", HOST, 4), call(w, "desk", "", HOST, 4, errors_connect=4)]
    by_kind = {c.component: c.kind for c in told(rows).candidates}
    assert (by_kind["cart"], by_kind[HOST]) == ("crash", "dns.empty_record")
