"""What the live page answers to a plain client."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from epicenter.detectors.analysis import Incident
from tests.live.pages import Served, serving
from tests.live.snapshots import BLIND, OTHER, OVER, RUNNING, STATES, at, tracked
from tests.report.example_analyses import HOSTILE, WARNED, pdt
from tests.report.test_html import Page


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


def get(served: Served, path: str) -> tuple[int, str, dict[str, str]]:
    try:
        with urllib.request.urlopen(served.url + path, timeout=30) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def as_json(served: Served, path: str) -> tuple[int, Any]:
    status, text, _ = get(served, path)
    return status, json.loads(text)


def test_a_server_that_knows_nothing_yet_says_so() -> None:
    with serving() as served:
        status, text, _ = get(served, "/")
        assert (status, "Starting: no telemetry has been looked at yet." in text) == (200, True)
        assert "No incident" not in text
        status, _, headers = get(served, "/api/incidents")
        assert (status, headers["retry-after"]) == (503, "5")


def test_calm_says_since_when_and_what_is_blind(served: Served) -> None:
    served.publish(at(pdt("23:40"), blind=(BLIND,)))
    text = get(served, "/")[1]
    assert "2025-10-20 06:00:00Z</time>, when Epicenter began to look; that is 40 min of calm" in text
    assert "checkout: Its calls are not recorded" in text
    served.publish(at(pdt("15:00"), past=(OVER,)))
    assert "2025-10-20 21:00:00Z</time>, when the last incident was over; that is 1 h of calm" in get(served, "/")[1]


def test_what_may_come_before_harm_is_shown_in_calm_and_told_as_json(served: Served) -> None:
    served.publish(replace(at(pdt("23:50")), warnings=WARNED.warnings))
    text = get(served, "/")[1]
    assert "No incident" in text
    assert "over generation 145 of writer-a (since 2025-10-20 06:48:00Z)." in text
    (told,) = as_json(served, "/api/incidents")[1]["warnings"]
    assert (told["component"], told["ended_at"]) == ("api.example", None)


def test_the_json_is_the_analysis_own_incident(served: Served) -> None:
    served.publish(at(pdt("11:00"), tracked(RUNNING), OTHER, past=(OVER,)))
    status, told = as_json(served, "/api/incidents")
    assert status == 200
    assert [item["id"] for item in told["open"]] == ["i1", "i2"]
    status, told = as_json(served, "/api/incidents/i2")
    assert msgspec.convert(told["incident"], Incident) == OTHER.incident
    assert (told["id"], told["closed_at"]) == ("i2", None)
    assert as_json(served, "/api/incidents/none")[0] == 404


@pytest.mark.parametrize(
    ("start", "end", "leads_to"),
    [("23:50", "23:55", "/incidents/i1"), ("13:00", "20:00", "/incidents/i1"), ("23:00", "23:10", "/")],
)
def test_a_time_leads_to_the_incident_of_then(served: Served, start: str, end: str, leads_to: str) -> None:
    served.publish(at(pdt("20:30"), past=(OVER,)))
    with urllib.request.urlopen(f"{served.url}/?from={pdt(start)}&to={pdt(end)}", timeout=30) as answer:
        assert answer.url.removeprefix(served.url).partition("?")[0] == leads_to
        assert ("No incident is known of in the time" in answer.read().decode()) == (leads_to == "/")


@pytest.mark.parametrize("query", ["from=yesterday&to=1", "from=1&to="])
def test_a_time_that_is_none_is_refused(served: Served, query: str) -> None:
    served.publish(at(pdt("20:30"), past=(OVER,)))
    status, text, _ = get(served, f"/?{query}")
    assert (status, "from and to must be Unix seconds." in text) == (400, True)


def test_an_incident_that_nobody_knows_is_not_found(served: Served) -> None:
    served.publish(at(pdt("20:30"), past=(OVER,)))
    status, text, _ = get(served, "/incidents/%3Cb%3E")
    assert (status, "No incident &lt;b&gt; is known of" in text) == (404, True)


def test_no_script_but_its_own_may_run_and_nothing_is_escaped_wrongly(served: Served) -> None:
    served.publish(at(pdt("11:00"), tracked(HOSTILE.incidents[0], '"><script>alert(1)</script>')))
    _, text, headers = get(served, "/")
    policy = headers["content-security-policy"]
    assert ("default-src 'none'" in policy, "script-src 'self';" in policy) == (True, True)
    assert "<img src=x" not in text
    assert text.count("<script") == 1


@pytest.mark.parametrize("name", STATES)
def test_headings_links_tables_and_drawings_are_as_in_the_report(name: str, served: Served) -> None:
    served.publish(STATES[name])
    page = Page(get(served, "/")[1])
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert set(page.links()) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("table") == page.tags.count("caption")
    assert page.tags.count("svg") == page.tags.count("desc")


def test_a_stream_that_resumes_gets_nothing_twice(served: Served) -> None:
    served.publish(at(pdt("11:00"), tracked(RUNNING)))
    first = _events(served, 1)
    name = first[0]["id"]
    assert first[0]["event"] == "view"
    assert _events(served, 1, {"Last-Event-ID": name})[0]["event"] == "alive"
    served.publish(at(pdt("11:01"), tracked(RUNNING), OTHER))
    assert _events(served, 1, {"Last-Event-ID": name})[0]["event"] == "view"


def test_telemetry_that_is_behind_is_told(served: Served) -> None:
    served.publish(at(pdt("11:00"), tracked(RUNNING)))
    served.now[:] = [pdt("11:12")]
    text = "Behind: the newest telemetry looked at is of 2025-10-20 18:00:00Z, 12 min ago."
    assert text in get(served, "/")[1]
    assert json.loads(_events(served, 1)[0]["data"])["status"] == {"text": text, "behind": True}


def _events(served: Served, count: int, headers: dict[str, str] | None = None) -> list[dict[str, str]]:
    request = urllib.request.Request(f"{served.url}/events", headers=headers or {})
    found: list[dict[str, str]] = []
    with urllib.request.urlopen(request, timeout=30) as stream:
        fields: dict[str, str] = {}
        while len(found) < count:
            line = stream.readline().decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "event" in fields:
                found.append(fields)
                fields = {}
    return found
