"""A real Alertmanager told of incidents: the cause is heard, its symptoms are silent, and the end is the end."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from epicenter.collector.errors import UsageError
from epicenter.live.alertmanager import Alertmanager
from epicenter.live.alerts import alerts_of
from epicenter.live.feed import Feed
from epicenter.rules.prometheus import free_port
from tests import alertmanager as real
from tests.live.snapshots import OTHER, OVER, RUNNING, at, tracked
from tests.report.example_analyses import HOSTILE, INCIDENT, SUSPECTED, pdt
from tests.servers import READY_S

PAGE = "http://epicenter.example:9465"
GROWN = at(pdt("11:00"), tracked(RUNNING))
PAST = at(pdt("20:30"), past=(OVER,))
NAME = INCIDENT.trigger.component


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real.Alertmanager]:
    with real.serve(tmp_path_factory.mktemp("alertmanager")) as told:
        yield told


class Front(HTTPServer):
    """Takes what is posted, as somebody before an Alertmanager who asks for a token."""

    heard: list[tuple[dict[str, str], bytes]]


class Handler(BaseHTTPRequestHandler):
    server: Front  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        self.server.heard.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def asked() -> Generator[Front]:
    with Front(("127.0.0.1", 0), Handler) as front:
        front.heard = []
        thread = threading.Thread(target=front.handle_request)
        thread.start()
        yield front
        thread.join()


def once(told: real.Alertmanager, count: int, state: str | None = None) -> list[dict[str, Any]]:
    """The alerts, as soon as there are so many (in this state): they are taken in behind the answer."""
    deadline = time.monotonic() + READY_S
    while True:
        found = [alert for alert in told.alerts() if state in (None, alert["status"]["state"])]
        if len(found) == count or time.monotonic() > deadline:
            assert len(found) == count
            return found
        time.sleep(0.05)


def test_the_cause_is_heard_its_symptoms_are_silent_and_all_ends(told: real.Alertmanager) -> None:
    troubles: list[str] = []
    pusher = Alertmanager(told.url, PAGE, pushed=troubles.append)
    symptoms = len({step.component for step in RUNNING.cascade if step.component != NAME})
    assert asyncio.run(pusher.push(GROWN))
    silent = once(told, symptoms, "suppressed")
    assert {alert["labels"]["stage"] for alert in silent} == {"dependency"}
    assert {alert["labels"]["incident_id"] for alert in silent} == {"i1"}
    heard = {alert["labels"]["alertname"]: alert for alert in once(told, 2, "active")}
    cause = heard["EpicenterIncident"]
    assert cause["labels"] == {
        "alertname": "EpicenterIncident",
        "incident_id": "i1",
        "kind": "dns.empty_record",
        "peer": NAME,
        "service": INCIDENT.trigger.service,
        "severity": "critical",
        "stage": "cause",
    }
    assert cause["annotations"]["summary"] == f"{NAME} lost its DNS addresses"
    assert "97 % sure" in cause["annotations"]["description"]
    assert cause["generatorURL"] == cause["annotations"]["page_url"] == f"{PAGE}/incidents/i1"
    assert heard["EpicenterSustainingLoop"]["labels"]["kind"] == "lease_collapse"
    # what recovers goes, the rest stays
    recovered = tuple(replace(step, recovered_at=pdt("11:00")) for step in RUNNING.cascade)
    assert asyncio.run(pusher.push(at(pdt("11:01"), tracked(replace(RUNNING, cascade=recovered)))))
    once(told, 2)
    assert asyncio.run(pusher.push(PAST))
    once(told, 0)
    assert troubles == ["", "", ""]
    assert asyncio.run(pusher.push(PAST))
    assert len(troubles) == 3  # nothing to say


def test_a_cause_that_turns_out_to_be_another_replaces_the_first(told: real.Alertmanager) -> None:
    pusher = Alertmanager(told.url, PAGE)
    assert asyncio.run(pusher.push(at(pdt("11:00"), OTHER)))
    once(told, 1)
    other = replace(OTHER.incident, trigger=replace(OTHER.incident.trigger, component="pricing-db"))
    assert asyncio.run(pusher.push(at(pdt("11:01"), tracked(other, "i2"))))
    deadline = time.monotonic() + READY_S
    while [alert["labels"]["peer"] for alert in told.alerts()] != ["pricing-db"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert asyncio.run(pusher.push(PAST))
    once(told, 0)


def test_each_incident_is_a_group_of_its_own(told: real.Alertmanager) -> None:
    pusher, both = Alertmanager(told.url, PAGE), at(pdt("11:00"), tracked(RUNNING), OTHER)
    alerts = [dict(alert.labels)["incident_id"] for alert in alerts_of(both, PAGE)]
    assert asyncio.run(pusher.push(both))
    once(told, len(alerts))
    groups = {group["labels"]["incident_id"]: group["alerts"] for group in told.groups()}
    assert {name: len(found) for name, found in groups.items()} == {name: alerts.count(name) for name in ("i1", "i2")}
    for name, found in groups.items():
        assert {alert["labels"]["incident_id"] for alert in found} == {name}
    assert asyncio.run(pusher.push(PAST))
    once(told, 0)


def test_hostile_names_are_taken(told: real.Alertmanager) -> None:
    troubles: list[str] = []
    pusher = Alertmanager(told.url, PAGE, pushed=troubles.append)
    snapshot = at(pdt("11:00"), tracked(replace(HOSTILE.incidents[0], ended_at=None)))
    assert asyncio.run(pusher.push(snapshot)), troubles
    once(told, len(alerts_of(snapshot, PAGE)))
    assert asyncio.run(pusher.push(PAST))
    once(told, 0)


def test_what_nobody_is_sure_of_silences_nothing() -> None:
    alerts = alerts_of(at(pdt("11:00"), tracked(SUSPECTED.incidents[0])), PAGE)
    cause = next(dict(alert.labels) for alert in alerts if dict(alert.labels)["stage"] == "cause")
    assert (cause["severity"], cause["kind"], "peer" in cause) == ("warning", "unknown", False)


def test_every_alert_has_its_part_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "alertmanager.md").read_text(encoding="utf-8")
    for name in {dict(alert.labels)["alertname"] for alert in alerts_of(GROWN, PAGE)}:
        assert f"\n## {name}\n" in page


def test_an_alertmanager_that_is_not_there_yet_is_told_when_it_is(tmp_path: Path) -> None:
    port = free_port()

    troubles: list[str] = []

    async def tell() -> None:
        feed, stop, tried = Feed(), asyncio.Event(), asyncio.Event()

        def pushed(trouble: str) -> None:
            troubles.append(trouble)
            tried.set()

        pusher = Alertmanager(f"http://127.0.0.1:{port}", PAGE, pushed=pushed)
        running = asyncio.create_task(pusher.run(feed, stop))
        await feed.publish(at(pdt("11:00"), OTHER))
        async with asyncio.timeout(READY_S):
            await tried.wait()
        with real.serve(tmp_path, port) as told:
            await asyncio.to_thread(once, told, 1)
            stop.set()
            await running

    asyncio.run(tell())
    assert all("could not be told of the alerts (" in trouble for trouble in troubles[:-1])
    assert len(troubles) > 1
    assert troubles[-1] == ""


def test_an_address_that_is_none_is_refused() -> None:
    for none in ("localhost:9093", "http://localhost:99999", "http://localhost:x", "http://[::1", "http://:9093"):
        with pytest.raises(UsageError, match=f"{re.escape(none)}' is no address of an Alertmanager"):
            Alertmanager(none, PAGE)


def test_a_refusal_is_told_in_its_own_words(told: real.Alertmanager) -> None:
    troubles: list[str] = []
    assert not asyncio.run(Alertmanager(f"{told.url}/prefix", PAGE, pushed=troubles.append).push(GROWN))
    assert len(troubles) == 1
    assert "refused the alerts (404" in troubles[0]


def test_a_token_and_a_page_of_runbooks_go_along() -> None:
    with asked() as front:
        url = f"http://127.0.0.1:{front.server_address[1]}"
        assert asyncio.run(Alertmanager(url, PAGE, token="secret", runbook_url="https://wiki/x").push(GROWN))
    ((headers, body),) = front.heard
    assert headers["Authorization"] == "Bearer secret"
    assert json.loads(body)[0]["annotations"]["runbook_url"].startswith("https://wiki/x#epicenter")
    with pytest.raises(UsageError, match="a token must be one line"):
        Alertmanager(url, PAGE, token="a\nb")
