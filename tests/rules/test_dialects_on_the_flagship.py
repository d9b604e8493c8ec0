"""The outage in the names of a service mesh: the alerts that read them fire as those on OpenTelemetry's names do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from epicenter.rules.files import read_rules
from epicenter.rules.played import Played
from epicenter.rules.prometheus import Prometheus, evaluate
from epicenter.rules.replay import replay
from epicenter.synthetic import History
from tests.conftest import SCRAPE_S
from tests.programs import require
from tests.prometheus import holding, scraped
from tests.rules.shipped import FOLDER

MINUTE = 60.0
DIALECTS = ("grpc", "servicegraph", "envoy", "spanmetrics")
READING = [FOLDER / name for name in ("dialects.yml", "spans.yml")]
READ = "".join(path.read_text(encoding="utf-8") for path in READING)


@pytest.fixture(scope="module")
def mesh(flagship: History) -> Iterator[Prometheus]:
    """What the rules on dialects read, and nothing else."""
    require("prometheus")
    with holding(scraped(flagship, SCRAPE_S, lambda name: name in READ, DIALECTS)) as prometheus:
        yield prometheus


@pytest.fixture(scope="module")
def played(flagship: History, mesh: Prometheus) -> list[Played]:
    rules = read_rules([str(path) for path in READING]).rules
    found = replay(rules, mesh, flagship.start, flagship.end)
    assert [(one.rule.name, one.refused) for one in found if one.refused] == []
    return found


@pytest.fixture(scope="module")
def told(flagship: History, played: list[Played]) -> dict[str, set[str]]:
    """Who is told to fail within ten minutes of the fault, by dialect."""
    trigger = flagship.truth.trigger[0]
    found: dict[str, set[str]] = {}
    spikes = [one for one in played if one.rule.name == "EpicenterDownstreamFailureSpike"]
    for firing in (firing for one in spikes for firing in one.firings if firing.start <= trigger + 10 * MINUTE):
        assert firing.start > trigger, f"{firing.labels} in calm"
        server = [firing.labels[name] for name in ("server", "client") if name in firing.labels]
        found.setdefault(firing.labels["dialect"], set()).update(server)
    return found


def test_who_names_its_servers_names_the_one_that_failed(told: dict[str, set[str]]) -> None:
    assert "dynamodb" in told["envoy"]
    assert told["grpc"] == {"dynamodb.us-east-1.amazonaws.com"}


@pytest.mark.parametrize("dialect", ["servicegraph", "spanmetrics"])
def test_who_does_not_names_those_that_call_it(flagship: History, told: dict[str, set[str]], dialect: str) -> None:
    assert {"food-ordering", "banking", "sts"} <= told[dialect]
    assert told[dialect] <= set(flagship.truth.affected)


def test_retries_that_end_with_the_cause_are_no_storm(played: list[Played]) -> None:
    (storms,) = (one for one in played if one.rule.name == "EpicenterRetryStormAfterRecovery")
    assert storms.firings == ()


def test_amplification_is_counted_from_attempts_and_retries(
    mesh: Prometheus, played: list[Played], flagship: History
) -> None:
    assert played  # what the rules record has been written back
    trigger, repaired = flagship.truth.trigger
    lines = evaluate(mesh, "dialect_server:calls_per_original:ratio_rate5m", flagship.start, repaired, 5 * MINUTE)
    for dialect, server in (("envoy", "dynamodb"), ("grpc", "dynamodb.us-east-1.amazonaws.com")):
        (line,) = (line for line in lines if (line.labels["dialect"], line.labels["server"]) == (dialect, server))
        assert max(value for at, value in line.points.items() if at < trigger) < 1.05
        assert max(value for at, value in line.points.items() if at > trigger) > 1.5
