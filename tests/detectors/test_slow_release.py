"""Services that are slow from the first sight of a version on, whether or not they were gone before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Incident
from epicenter.detectors.diagnosis import look
from epicenter.detectors.online import Watcher, between
from epicenter.detectors.slow_release import slow_releases
from tests.detectors.frames import SUMMARY, WINDOW_S, Row, at, call, windows
from tests.detectors.test_online import once

BAD, END = 30, 60
SLOW_S, USUAL_S = 1.5, 0.01


def asked(window: int, gone: bool, took_s: float, service: str = "prices") -> Iterator[Row]:
    """The shop asks the prices, which are gone, or take so long."""
    shop_s, failed = (0.5 if gone else took_s) + 0.02, 40 if gone else 0
    yield call(window, "", "shop", "", 40, errors_server=failed, server_ns=int(40 * shop_s * 1e9))
    if gone:
        yield call(window, "shop", "", f"{service}.example", 40, errors_connect=40)
    else:
        ns = int(40 * took_s * 1e9)
        yield call(window, "shop", service, f"{service}.example", 40, client_ns=ns, server_ns=ns)


def deployed(down: int, slow: int, back: int = 0, version: int | None = None, end: int = END) -> Windows:
    """The prices are gone for `down` windows, slow for `slow`, gone for `back` while they go back, and well again;
    a new version is first seen in window `version`, or as they come up."""
    rows: list[Row] = []
    up, over = BAD + down, BAD + down + slow
    for window in range(end):
        gone = BAD <= window < up or over <= window < over + back
        rows += asked(window, gone, SLOW_S if up <= window < over else USUAL_S)
    seen = {("prices", "1.4.0"): int(at(0)), ("prices", "1.5.0"): int(at(up if version is None else version))}
    return replace(windows(end, rows), versions=seen)


def only(seen: Windows) -> Incident:
    (incident,) = analyze(seen, SUMMARY).incidents
    return incident


@pytest.mark.parametrize("down", [1, 2, 4])
def test_who_comes_up_in_a_new_version_and_is_slow_from_then_on_broke_with_that_release(down: int) -> None:
    incident = only(deployed(down, 10))
    trigger = incident.trigger
    assert (trigger.component, trigger.kind) == ("prices", "bad_release")
    assert (trigger.started_at, trigger.ended_at) == (at(BAD), at(BAD + down + 10))
    said = " ".join(item.statement for item in incident.evidence if item.id in trigger.evidence)
    assert "from the first sight of version 1.5.0 on took 1.50 s on average, against 0.01 s before" in said


def test_the_gap_of_the_way_back_belongs_to_it() -> None:
    incident = only(deployed(2, 10, back=2))
    assert (incident.trigger.kind, incident.ended_at) == ("bad_release", at(BAD + 14))


def test_while_it_is_slow_it_goes_on() -> None:
    incident = only(deployed(2, 10, end=BAD + 12))
    assert (incident.trigger.kind, incident.trigger.ended_at, incident.ended_at) == ("bad_release", None, None)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(deployed(2, 0), id="a deploy that goes well"),
        pytest.param(deployed(2, 3), id="cold caches"),
        pytest.param(deployed(2, 10, version=0), id="started anew in the version that it had"),
        pytest.param(deployed(2, 10, version=BAD + 8), id="released while it is slow"),
    ],
)
def test_who_is_only_gone_for_a_while_or_slow_by_something_else_went_down(seen: Windows) -> None:
    assert slow_releases(look(seen)[0]) == []
    trigger = only(seen).trigger
    assert (trigger.component, trigger.kind, trigger.ended_at) == ("prices", "crash", at(BAD + 2))


def test_a_release_without_a_gap_that_users_wait_for_is_told_as_that() -> None:
    trigger = only(deployed(0, 12)).trigger
    assert (trigger.component, trigger.kind) == ("prices", "bad_release")
    assert only(deployed(0, 12, version=0)).trigger.kind == "slow"


def test_a_slow_release_that_harms_no_user_is_no_incident() -> None:
    rows = [row for window in range(END) for row in asked(window, gone=False, took_s=USUAL_S)]
    rows += [
        call(window, "cron", "report", server_ns=int((0.1 if window < BAD else 9.0) * 2e10)) for window in range(END)
    ]
    seen = {("report", "1"): int(at(0)), ("report", "2"): int(at(BAD))}
    made = replace(windows(END, rows), versions=seen)
    assert [f.component for f in slow_releases(look(made)[0])] == ["report"]
    assert analyze(made, SUMMARY).incidents == ()


def test_a_slow_release_that_users_do_not_depend_on_keeps_no_incident_open() -> None:
    rows = [row for window in range(END) for row in asked(window, BAD <= window < BAD + 5, USUAL_S)]
    rows += [
        call(window, "cron", "report", server_ns=int((0.1 if window < BAD else 9.0) * 2e10)) for window in range(END)
    ]
    seen = {("report", "1"): int(at(0)), ("report", "2"): int(at(BAD))}
    assert only(replace(windows(END, rows), versions=seen)).ended_at == at(BAD + 5)


def test_after_each_window_it_says_what_the_batch_says() -> None:
    whole, watcher = deployed(2, 10, back=2), Watcher(WINDOW_S)
    kinds: list[str] = []
    for start, end in once(whole):
        analysis = watcher.step(between(whole, start, end), SUMMARY)
        if analysis is not None:
            assert analysis.incidents == analyze(between(whole, whole.start, end), SUMMARY).incidents
            kinds += [incident.trigger.kind for incident in analysis.incidents]
    assert set(kinds) == {"crash", "bad_release"}
    assert kinds == sorted(kinds, reverse=True)
