"""What is polled from a Prometheus is kept like all else: the recording of that hour gives the same incident."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from epicenter.collector.concepts import concepts_of
from epicenter.detectors.analysis import Incident
from epicenter.pipeline import analyze_paths
from epicenter.rules.write import Series
from epicenter.synthetic import History
from tests import programs
from tests.live.stack import played
from tests.live.watching import Watching, folded, once, watching
from tests.prometheus import holding, scraped
from tests.simulated import simulated

STEP_S, WINDOW_S = 15.0, 60
TOML = f"""
[windows]
window_s = {WINDOW_S}
lateness_s = 7200
"""


def scraped_until_now(history: History) -> Iterator[Series]:
    """What the world exposes of calls and look-ups until ten minutes after its trigger, as if that were now."""
    now = history.truth.trigger[0] + 600
    shift = (time.time() - now) // STEP_S * STEP_S
    for one in scraped(history, STEP_S, lambda name: name.startswith(("http_", "dns_")) and bool(concepts_of(name))):
        there = one.times <= now
        yield Series(one.labels, one.times[there] + shift, one.values[there])


def listed(server: Watching) -> list[dict[str, Any]]:
    return json.loads(server.get("/api/incidents")[1])["open"]


def told(incident: Incident) -> tuple[str, str, float, float | None]:
    return incident.trigger.component, incident.trigger.kind, incident.started_at, incident.ended_at


def test_the_recording_gives_the_incident_that_the_server_told_of(tmp_path: Path) -> None:
    """A server that starts amid an outage looks back as far as data may be late, and sees it begin."""
    data = tmp_path / "data"
    with (
        holding(scraped_until_now(simulated("dns-servfail-partial"))) as prometheus,
        watching(data, TOML, "--prometheus", prometheus.url) as server,
    ):
        once(lambda: listed(server))
        (live,) = listed(server)
        assert server.stop()[0] == 0
    state = json.loads((data / "incidents" / f"{live['id']}.json").read_bytes())
    (found,) = analyze_paths([data], window_s=WINDOW_S)[0].incidents
    assert found.trigger.component
    assert told(found) == told(msgspec.convert(state["incident"], Incident))
    assert live["incident"]["trigger"]["component"] == found.trigger.component
    (of_hours,) = analyze_paths(folded(data), window_s=WINDOW_S)[0].incidents
    assert told(of_hours) == told(found)


def test_without_a_prometheus_such_tests_are_skipped_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "TOOLS", tmp_path)
    with pytest.raises(pytest.skip.Exception, match="prometheus was not found"), holding([]):
        pass
    with pytest.raises(pytest.skip.Exception, match="prometheus was not found"):
        played(simulated("dns-servfail-partial"), tmp_path)
