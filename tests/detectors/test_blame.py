"""Failures are booked on the node that they lead back to, once, however many callers pass them on."""

from __future__ import annotations

import pytest

from epicenter.detectors import analyze
from epicenter.detectors.blame import blame
from epicenter.detectors.blamed import Blamed
from epicenter.detectors.graph import dependency_graph
from tests.detectors.frames import SUMMARY, Row, at, call, windows
from tests.detectors.stories import NAME, callee_fails, calm, name_gone, process_gone

BAD, END = 20, 30
CONTROL = "control.example"


def blamed(rows: list[Row]) -> list[Blamed]:
    """What windows 20 to 30 are blamed on, against those before."""
    seen = windows(END, rows)
    return blame(seen, dependency_graph(seen), (at(0), at(BAD)), (at(BAD), at(END)))


def failing(start: int, end: int, client: str, server: str, failed: int, of: int = 40, **counts: int) -> list[Row]:
    return [
        call(w, client, server, f"{server}.example" if client else "", of, errors_server=failed, **counts)
        for w in range(start, end)
    ]


def test_a_name_that_does_not_resolve_bears_all_that_follows() -> None:
    (name,) = blamed([*calm(0, BAD), *name_gone(BAD, END)])
    assert (name.component, name.service, name.how, name.failure) == (NAME, "prices", "resolution", "dns_nodata")
    assert (name.failed, name.attempts) == (300, 400)


def test_a_name_gathers_the_failures_of_all_its_callers() -> None:
    rows = [*calm(0, BAD), *name_gone(BAD, END)]
    rows += [call(w, "mail", "", NAME, 10, errors_dns_nodata=10) for w in range(BAD, END)]
    assert [(b.component, b.failed) for b in blamed(rows)] == [(NAME, 400)]


def test_words_that_cannot_tell_how_resolution_failed_give_way_to_those_that_can() -> None:
    rows = [*calm(0, BAD), *name_gone(BAD, END, "dns_unspecified")]
    rows += [call(w, "mail", "", NAME, 10, errors_dns_nxdomain=1) for w in range(BAD, END)]
    assert blamed(rows)[0].failure == "dns_nxdomain"


def test_a_callee_that_nobody_reaches_is_told_from_one_that_answers_with_errors() -> None:
    (gone,) = blamed([*calm(0, BAD), *process_gone(BAD, END)])
    assert (gone.component, gone.service, gone.how, gone.failure) == ("cart", "cart", "unreached", "connect")
    assert (gone.answered, gone.answered_before) == (0.0, 1.0)
    (fails,) = blamed([*calm(0, BAD), *callee_fails(BAD, END)])
    assert (fails.component, fails.how, fails.answered) == ("prices", "answer", 1.0)


def test_a_callee_that_never_sent_a_span_is_blamed_by_the_name_it_is_called() -> None:
    rows = [call(w, "shop", "", "api.partner.example", 40, errors_deadline=30 * (w >= BAD)) for w in range(END)]
    (partner,) = blamed(rows)
    assert (partner.component, partner.service, partner.how) == ("api.partner.example", "", "unreached")
    assert partner.answered == partner.answered_before == 0.0


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [*calm(0, END)],
        [*name_gone(0, END)],
        [*process_gone(0, END)],
        [call(w, "shop", "cart") for w in range(END)],
        [call(w, "", "shop") for w in range(END)],
    ],
    ids=[
        "no calls",
        "nothing fails",
        "a name that never resolved",
        "a process that never was",
        "no host is named",
        "users only",
    ],
)
def test_what_is_as_it_was_is_nobodys_fault(rows: list[Row]) -> None:
    assert [b for b in blamed(rows) if b.failed > 5] == []


def test_only_failures_above_the_usual_count_at_the_traffic_of_now() -> None:
    rows = [*failing(0, BAD, "shop", "cart", 4), *failing(BAD, END, "shop", "cart", 28, of=80)]
    (cart,) = blamed(rows)
    assert (cart.failed, cart.usual) == (200, 80)


def test_a_service_answers_for_what_its_own_callees_do_not_explain() -> None:
    rows = [*failing(0, BAD, "", "shop", 0), *failing(0, BAD, "shop", "cart", 0), *failing(0, BAD, "cart", "prices", 0)]
    rows += [*failing(BAD, END, "", "shop", 30), *failing(BAD, END, "shop", "cart", 30)]
    rows += [*failing(BAD, END, "cart", "prices", 10)]
    assert [(b.component, b.failed) for b in blamed(rows)] == [("cart", 200), ("prices", 100)]


@pytest.mark.parametrize(("asked", "first"), [(18, "prices"), (4, "cart")])
def test_a_callee_that_is_asked_seldom_explains_as_much_as_its_calls_can_tell(asked: int, first: str) -> None:
    """The cart asks for a price now and then, and can do nothing for its callers since it gets none."""
    rows = [*failing(0, BAD, "shop", "cart", 0), *failing(0, BAD, "cart", "prices", 0, of=2)]
    rows += failing(BAD, END, "shop", "cart", 36)
    rows += failing(BAD, BAD + asked // 2, "cart", "prices", 2, of=2)
    assert blamed(rows)[0].component == first


def test_repeats_that_fail_together_explain_one_failure_of_their_caller() -> None:
    rows = [*failing(0, BAD, "shop", "cart", 0), *failing(0, BAD, "cart", "prices", 0)]
    rows += [*failing(BAD, END, "shop", "cart", 30)]
    rows += [*failing(BAD, END, "cart", "prices", 60, of=60, originals=20)]
    # prices fails all that cart asks of it: the third of cart's failures that no call of its own stands for is its, too
    assert [(b.component, b.failed) for b in blamed(rows)] == [("prices", 600)]


def test_a_node_that_fails_in_two_ways_is_listed_once_under_the_greater() -> None:
    rows = [*failing(0, BAD, "shop", "cart", 0), *failing(BAD, END, "shop", "cart", 10)]
    rows += [call(w, "shop", "", "cart.example", 20, errors_connect=20) for w in range(BAD, END)]
    (cart,) = blamed(rows)
    assert (cart.component, cart.how, cart.failed) == ("cart", "unreached", 300)


def test_a_stretch_without_history_is_held_against_no_failures() -> None:
    (prices,) = blamed([*callee_fails(BAD, END)])
    assert (prices.component, prices.usual, prices.answered_before) == ("prices", 0, 0)


def test_a_control_plane_without_spans_gathers_the_failures_of_all_who_need_it() -> None:
    """Three services of their own users ask it by its name before they do anything, and half of their work fails: none
    of them fails more than the others, and nothing but that name tells of what they share."""
    callers, rows = ("desk", "mail", "shop"), list[Row]()
    for service in callers:
        rows += [*failing(0, BAD, "", service, 0), *failing(BAD, END, "", service, 20)]
        rows += [call(w, service, "", CONTROL, 40, errors_other=20 * (w >= BAD)) for w in range(END)]
    (control,) = blamed(rows)
    assert (control.component, control.how, control.failed, control.attempts) == (CONTROL, "unreached", 600, 1200)
    (incident,) = analyze(windows(END, rows), SUMMARY).incidents
    assert (incident.trigger.component, incident.trigger.started_at) == (CONTROL, at(BAD))
    assert any("600 of 1,200 calls to control.example" in item.statement for item in incident.evidence)
    assert {step.component: step.because_of for step in incident.cascade} == dict.fromkeys(callers, CONTROL)
