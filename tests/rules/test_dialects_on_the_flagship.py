"""The outage in the names of a service mesh: the alerts that read them fire as those on OpenTelemetry's names do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.synthetic import History
from tests.conftest import SCRAPE_S
from tests.programs import require
from tests.prometheus import Prometheus, backfill, exposition, serve
from tests.rules.replay import FOLDER, alerts, recorded, replay

MINUTE = 60.0
DIALECTS = ("grpc", "servicegraph", "envoy", "spanmetrics")
READ = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("dialects.yml", "spans.yml"))
SPIKES = [alert for alert in alerts() if alert.name == "EpicenterDownstreamFailureSpike"]


@pytest.fixture(scope="module")
def mesh(flagship: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """What the rules on dialects read, and nothing else."""
    require("prometheus")
    folder = tmp_path_factory.mktemp("mesh") / "data"
    backfill(exposition(flagship, SCRAPE_S, lambda name: name in READ, DIALECTS), folder)
    with serve(folder) as prometheus:
        yield prometheus


@pytest.fixture(scope="module")
def told(flagship: History, mesh: Prometheus) -> dict[str, set[str]]:
    """Who is told to fail within ten minutes of the fault, by dialect."""
    trigger = flagship.truth.trigger[0]
    found: dict[str, set[str]] = {}
    for alert in SPIKES:
        for firing in replay(alert, mesh, flagship.start, trigger + 10 * MINUTE):
            assert firing.start > trigger, f"{firing.labels} in calm"
            labels = dict(firing.labels)
            found.setdefault(labels.pop("dialect"), set()).update(labels.values())
    return found


def test_who_names_its_servers_names_the_one_that_failed(told: dict[str, set[str]]) -> None:
    assert "dynamodb" in told["envoy"]
    assert told["grpc"] == {"dynamodb.us-east-1.amazonaws.com"}


@pytest.mark.parametrize("dialect", ["servicegraph", "spanmetrics"])
def test_who_does_not_names_those_that_call_it(flagship: History, told: dict[str, set[str]], dialect: str) -> None:
    assert {"food-ordering", "banking", "sts"} <= told[dialect]
    assert told[dialect] <= set(flagship.truth.affected)


def test_retries_that_end_with_the_cause_are_no_storm(flagship: History, mesh: Prometheus) -> None:
    storms = [alert for alert in alerts() if alert.name == "EpicenterRetryStormAfterRecovery"]
    (alert,) = (alert for alert in storms if alert.group == "epicenter-dialects")
    assert replay(alert, mesh, flagship.start, flagship.end) == []


def test_amplification_is_counted_from_attempts_and_retries(mesh: Prometheus, flagship: History) -> None:
    trigger, repaired = flagship.truth.trigger
    expr = recorded("dialect_server:calls_per_original:ratio_rate5m")
    lines = mesh.query_range(expr, flagship.start, repaired, 5 * MINUTE)
    for dialect, server in (("envoy", "dynamodb"), ("grpc", "dynamodb.us-east-1.amazonaws.com")):
        (line,) = (line for line in lines if line.labels == {"dialect": dialect, "server": server})
        assert max(value for at, value in line.points.items() if at < trigger) < 1.05
        assert max(value for at, value in line.points.items() if at > trigger) > 1.5
