"""What a real Alertmanager groups and inhibits, and when it would have told of it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from epicenter.cli.backtest import command
from epicenter.collector.errors import UnreadableInput
from epicenter.rules.alertmanager import Key, Route, alertmanager, check_config, read_config
from epicenter.rules.notifications import Sent, flushes, notifications
from epicenter.rules.played import Firing
from epicenter.rules.results import Backtest
from epicenter.rules.verdicts import Judged
from tests.programs import find, require
from tests.rules.verdicts import OUTAGE, verdict

CONFIG = """
route:
  receiver: chat
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  routes:
    - matchers: ['severity="page"']
      receiver: phone
      group_wait: 10s
      group_by: [zone]
inhibit_rules:
  - source_matchers: ['alertname="Cause"']
    target_matchers: ['alertname="Symptom"']
    equal: [zone]
receivers:
  - {name: chat, slack_configs: [{channel: "#x", api_url: "http://127.0.0.1:1"}]}
  - {name: phone, webhook_configs: [{url: "http://127.0.0.1:1"}]}
"""
A: Key = (("alertname", "A"),)
B: Key = (("alertname", "B"),)
ROUTE = Route("phone", 30.0, 300.0, 3600.0)


def config(folder: Path, text: str = CONFIG) -> Path:
    path = folder / "alertmanager.yml"
    path.write_text(text, encoding="utf-8")
    return path


def judged(kind: str, start: float, end: float, **labels: str) -> Judged:
    return Judged("cause" if kind == "Cause" else "symptom", "", Firing(labels, start, end, 1.0))


def test_symptoms_of_a_zone_whose_cause_fires_are_inhibited_and_pages_of_a_zone_are_one(tmp_path: Path) -> None:
    if find("prometheus-alertmanager") is None and find("alertmanager") is None:
        pytest.skip("no Alertmanager was found on PATH or in .tools/bin (make test installs it)")
    symptoms = [judged("Symptom", 1050, 1500, zone=zone, pod=pod, severity="page") for zone in "xy" for pod in "12"]
    world = Backtest(
        *("made-by-hand", 0.0, 3000.0, OUTAGE, None, ()),
        verdicts=(
            verdict("Symptom", "symptom", *symptoms),
            verdict("Cause", "cause", judged("Cause", 1020, 1500, zone="x", severity="page")),
            verdict("Warning", "symptom", judged("Warning", 1100, 1200, zone="x", severity="warning")),
        ),
        problems=(),
    )
    told = notifications(world, read_config(config(tmp_path)))
    # zone x: the cause alone; zone y: both pods in one; the warning to the chat
    assert (told.sent, told.repeated, told.firings, told.inhibited) == (3, 0, 6, 2)
    assert told.by_receiver == {"chat": 1, "phone": 2}
    assert told.first_s == 30.0
    assert told.on_cause == pytest.approx(1 / 3)
    unknown = notifications(replace(world, truth=None), read_config(config(tmp_path)))
    assert (unknown.sent, unknown.first_s, unknown.on_cause) == (3, None, None)


def test_a_group_waits_then_tells_of_what_is_new_and_repeats_what_lasts() -> None:
    times = [1000.0, 1100.0, 5000.0]
    states = [frozenset([A]), frozenset([A, B]), frozenset[Key]()]
    assert list(flushes(ROUTE, times, states, states)) == [
        Sent(1030.0, frozenset([A]), repeats=False),
        Sent(1330.0, frozenset([A, B]), repeats=False),
        Sent(4930.0, frozenset([A, B]), repeats=True),
    ]


def test_what_is_inhibited_throughout_is_not_told_and_what_comes_back_is_told_again() -> None:
    times = [1000.0, 1010.0, 2000.0, 2100.0]
    states = [frozenset([A]), frozenset[Key](), frozenset([A]), frozenset[Key]()]
    assert [one.at for one in flushes(ROUTE, times, states, states)] == [2030.0]  # over before its wait
    assert list(flushes(ROUTE, times, states, [frozenset[Key]()] * 4)) == []


TIMED = (
    CONFIG.replace("      group_by: [zone]\n", "      group_by: [zone]\n      mute_time_intervals: [night]\n")
    + """
time_intervals:
  - name: night
    time_intervals:
      - times: [{start_time: "22:00", end_time: "24:00"}, {start_time: "00:00", end_time: "06:00"}]
        weekdays: ["monday:friday", sunday]
        location: Europe/Berlin
      - days_of_month: ["-1"]
        months: [february]
"""
)
MIDNIGHT = 1_760_911_200.0  # Monday, 20 October 2025, 00:00 in Berlin


@pytest.mark.parametrize(
    ("at", "mute"),
    [
        (MIDNIGHT - 7201.0, False),  # Sunday, 21:59:59
        (MIDNIGHT - 7200.0, True),
        (MIDNIGHT + 6 * 3600.0 - 1.0, True),
        (MIDNIGHT + 6 * 3600.0, False),
        (MIDNIGHT - 12 * 3600.0, False),
        (MIDNIGHT - 86_401.0, False),  # Saturday, 23:59:59
        (datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp(), True),
        (datetime(2024, 2, 28, 12, tzinfo=UTC).timestamp(), False),
    ],
)
def test_a_route_is_mute_at_its_times_and_no_other(at: float, mute: bool, tmp_path: Path) -> None:
    chat, phone = read_config(config(tmp_path, TIMED)).routes
    assert (chat.mutes.holds(at), phone.mutes.holds(at)) == (False, mute)
    awake = read_config(config(tmp_path, TIMED.replace("mute_time_intervals: [", "active_time_intervals: ["))).routes[1]
    assert awake.mutes.holds(at) != mute


@pytest.mark.parametrize(
    ("days", "month", "day", "mute"),
    [
        ("31", 9, 30, False),
        ("31", 2, 28, False),
        ("31", 10, 31, True),
        ("-31", 2, 1, False),
        ("-31", 9, 1, False),
        ("-31", 10, 1, True),
        ("30:31", 9, 30, True),
        ("-31:-28", 2, 1, True),
    ],
)
def test_a_day_that_a_month_does_not_have_is_none_of_its_days(
    days: str, month: int, day: int, mute: bool, tmp_path: Path
) -> None:
    text = TIMED.replace('days_of_month: ["-1"]\n        months: [february]', f'days_of_month: ["{days}"]')
    phone = read_config(config(tmp_path, text)).routes[1]
    assert phone.mutes.holds(datetime(2025, month, day, 12, tzinfo=UTC).timestamp()) == mute


def test_what_fires_through_a_mute_time_is_told_after_it(tmp_path: Path) -> None:
    _, phone = read_config(config(tmp_path, TIMED)).routes
    morning = MIDNIGHT + 6 * 3600.0
    times, states = [morning - 3600.0, morning + 3600.0], [frozenset([A]), frozenset[Key]()]
    (sent,) = flushes(phone, times, states, states)
    assert (sent.repeats, 0.0 <= sent.at - morning <= phone.interval_s) == (False, True)


def test_the_local_clock_is_that_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = read_config(config(tmp_path, TIMED.replace("Europe/Berlin", "Local"))).routes[1]
    mute: list[bool] = []
    with monkeypatch.context() as there:
        there.setenv("TZ", "America/New_York")
        time.tzset()
        mute += (phone.mutes.holds(MIDNIGHT + hours * 3600.0) for hours in (0.0, 6.0, 11.9, 12.0))
    time.tzset()
    assert mute == [False, True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("monday:friday", "monday:fryday", "'fryday' is neither a name nor a number of a day, a month or a year$"),
        ("22:00", "ten", "'ten' is no time of a day such as 17:00$"),
        ("Europe/Berlin", "Europe/Bonn", "'Europe/Bonn' is no time zone that is known here$"),
        ("- name: night", "- nom: night", "there is no 'name'$"),
        ('["-1"]', "1", "they are of other types than Alertmanager's"),
    ],
)
def test_time_intervals_that_cannot_be_read_are_told(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=f"is no configuration of Alertmanager: its time intervals: {said}"):
        read_config(config(tmp_path, TIMED.replace(old, new)))


def test_an_interval_that_nobody_defined_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"its `route`: nothing defines the time interval 'night'$"):
        read_config(config(tmp_path, TIMED.replace("- name: night", "- name: day")))


def test_a_route_inherits_its_waits_and_receivers_tell_nobody(tmp_path: Path) -> None:
    read = read_config(config(tmp_path))
    assert read.routes == (Route("chat", 30.0, 300.0, 14400.0), Route("phone", 10.0, 300.0, 14400.0))
    assert "127.0.0.1" not in read.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("route: [", "cannot be read"),
        ("a: 1", "is no configuration"),
        ("1", "is no"),
        (CONFIG.replace("group_interval: 5m", "group_interval: 0s"), "are longer than 0"),
        (CONFIG.replace("group_interval: 5m", "group_interval: soon"), "its `route`: .*soon"),
    ],
)
def test_what_is_no_configuration_is_said(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=said):
        read_config(config(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("group_wait", "grop_wait", "line 5: field grop_wait not found in type config.plain$"),
        ("name: phone", "name: fax", 'undefined receiver "phone" used in route$'),
    ],
)
def test_a_configuration_that_alertmanager_refuses_is_refused_first(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    require("amtool")
    check_config(config(tmp_path))
    wrong = config(tmp_path, CONFIG.replace(old, new, 1))
    with pytest.raises(UnreadableInput, match=rf"Alertmanager refuses it: .*{said}"):
        check_config(wrong)
    done = CliRunner().invoke(command, ["rules.yml", "--alertmanager", str(wrong)])
    assert isinstance(done.exception, UnreadableInput)


def test_what_alertmanager_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    if find("prometheus-alertmanager") is None and find("alertmanager") is None:
        pytest.skip("no Alertmanager was found on PATH or in .tools/bin (make test installs it)")
    with alertmanager(read_config(config(tmp_path, TIMED))):
        pass
    wrong = read_config(config(tmp_path, CONFIG.replace('severity="page"', "severity page")))
    with pytest.raises(UnreadableInput, match="bad matcher format"), alertmanager(wrong):
        pass
