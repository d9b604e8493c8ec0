"""The flagship played at high speed into the live server, beside a real Prometheus and a real Alertmanager.

The clocks of the servers run as ever while the world runs SPEED times as fast. So the durations of the rules are
divided, and Prometheus scrapes and evaluates so much more often: six scrapes are in the window of a rate.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from epicenter.rules.prometheus import Line, Prometheus, evaluate, free_port, private
from epicenter.synthetic import History
from tests import alertmanager
from tests.dashboards.boards import BOARDS, PANELS, exprs
from tests.dashboards.promql import plain
from tests.deploy.test_configs import PROMETHEUS, read
from tests.live.watching import Watching, once, watching
from tests.programs import require
from tests.rules.faster import faster
from tests.rules.shipped import FILES

SPEED = 372.0
"""Of the world: 15.5 hours in 150 s."""
RULES_TIMES = 60.0
"""Of the rules: 5 minutes are 5 s, which twelve scrapes and a busy machine can keep."""
SCRAPE_S, LOOK_S = 0.4, 0.4
WINDOW_S, LATENESS_S = 4, 60
SPANS_PER_SECOND = 0.5
BESIDE = "[windows]\nwindow_s = 3600\n"
"""Of a second server, which polls that Prometheus: at such a speed the first would be told of the same world twice."""
WORLD_TIME = "epicenter_emit_world_time_seconds"
ROOT = Path(__file__).parents[2]

Alert = dict[str, Any]

EMIT = """
import epicenter.synthetic
from tests.simulated import simulated
epicenter.synthetic.simulate = simulated  # the same world, which need not be simulated again
from epicenter.cli import main
main()
"""


@dataclass(frozen=True)
class Firing:
    """One alert of a rule, from the first evaluation at which it fired to the last; Unix seconds of the world."""

    labels: Mapping[str, str]
    start: float
    end: float


@dataclass
class Story:
    """What was seen.

    data: the folder of the server, which has stopped. firings: of the rules, the earliest first. looks: all alerts at
    Alertmanager, again and again; told: of these, each as it was in each of its states. infos: incidents at /metrics by
    id, as they were last. incidents, pages: those of the live page by id, when all is over. drawn: expressions of the
    dashboard of Epicenter's own health, and of what all dashboards mark, each with the lines that Prometheus gave, by
    Unix seconds of the world.
    """

    data: Path
    firings: list[Firing] = field(default_factory=list[Firing])
    looks: list[list[Alert]] = field(default_factory=list[list[Alert]])
    told: dict[tuple[str, str], Alert] = field(default_factory=dict[tuple[str, str], Alert])
    infos: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    pages: dict[str, str] = field(default_factory=dict[str, str])
    drawn: dict[str, list[Line]] = field(default_factory=dict[str, list[Line]])


def played(history: History, folder: Path) -> Story:
    """Play it to its end, wait until nothing fires any more, and stop the server."""
    require("prometheus")
    story, emitted, at = Story(folder / "data"), free_port(), free_port()
    toml = f"[windows]\nwindow_s = {WINDOW_S}\nlateness_s = {LATENESS_S}\n"
    with (
        alertmanager.serve(folder) as told,
        watching(story.data, toml, "--alertmanager", told.url) as server,
        watching(folder / "beside", BESIDE, "--prometheus", f"http://127.0.0.1:{at}") as beside,
        private(config=_config(folder, (server, beside), told, emitted), port=lambda: at) as asked,
    ):
        with subprocess.Popen(_emit(server, emitted), cwd=ROOT, stderr=subprocess.DEVNULL) as emit:
            while _goes_on(emit):
                _look(story, server, told)
        assert emit.returncode == 0
        since = time.time() - (history.end - history.start) / SPEED
        ahead = _ahead(asked, since)
        story.firings = _firings(asked, since - 60, ahead)
        story.drawn = _drawn(asked, since, ahead)
        once(lambda: not told.alerts())
        for one in json.loads(server.get("/api/incidents")[1])["past"]:
            story.incidents[one["id"]] = one["incident"]
            story.pages[one["id"]] = server.get(f"/incidents/{one['id']}")[1]
        assert server.stop()[0] == 0
    return story


def _emit(server: Watching, port: int) -> list[str]:
    to = f"--otlp=http://127.0.0.1:{server.http}"
    pace = (f"--speed={SPEED}", f"--spans-per-second={SPANS_PER_SECOND}")
    return [sys.executable, "-c", EMIT, "emit", "aws-dynamodb-2025", to, f"--metrics-port={port}", *pace]


def _goes_on(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(LOOK_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _look(story: Story, server: Watching, told: alertmanager.Alertmanager) -> None:
    story.looks.append(told.alerts())
    for alert in story.looks[-1]:
        story.told.setdefault((alert["fingerprint"], alert["status"]["state"]), alert)
    for labels, _ in server.metrics().get("epicenter_incident_info", []):
        story.infos[labels["incident_id"]] = labels


def _config(folder: Path, servers: tuple[Watching, ...], told: alertmanager.Alertmanager, emitted: int) -> str:
    """The shipped configuration with the addresses and the pace of here; Epicenter's own health keeps its pace."""
    own = read(PROMETHEUS)
    rules = [path if path.stem == "self" else folder / path.name for path in FILES]
    for path in FILES:
        (folder / path.name).write_text(faster(path, RULES_TIMES), encoding="utf-8")
    scrape = {"scrape_interval": f"{SCRAPE_S * 1000:.0f}ms", "scrape_timeout": f"{SCRAPE_S * 1000:.0f}ms"}
    own["global"] |= scrape
    own["rule_files"] = [str(path) for path in rules]
    own["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [told.url.removeprefix("http://")]}]}]
    ports = {"epicenter": [server.page for server in servers], "otel-collector": [emitted]}
    own["scrape_configs"] = [
        job | scrape | {"static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports[job["job_name"]]]}]}
        for job in own["scrape_configs"]
        if job["job_name"] in ports
    ]
    return yaml.safe_dump(own)


def _ahead(asked: Prometheus, since: float) -> float:
    """What is added to SPEED times a moment of the servers to get the world's moment of then."""
    lead = f"{WORLD_TIME} - {SPEED} * timestamp({WORLD_TIME})"
    (line,) = evaluate(asked, lead, since, time.time(), SCRAPE_S / 2)
    return statistics.median(line.points.values())  # the same at all times but before the play and after it


def _firings(asked: Prometheus, since: float, ahead: float) -> list[Firing]:
    lines = evaluate(asked, 'ALERTS{alertstate="firing"}', since, time.time(), SCRAPE_S / 2)
    found = [Firing(line.labels, ahead + min(line.points) * SPEED, ahead + max(line.points) * SPEED) for line in lines]
    return sorted(found, key=lambda firing: firing.start)


def _drawn(asked: Prometheus, since: float, ahead: float) -> dict[str, list[Line]]:
    own = {expr for title, panel in PANELS.items() if title.startswith("own-health: ") for expr in exprs(panel)}
    marked = {mark["expr"] for board in BOARDS.values() for mark in board["annotations"]["list"]}
    return {expr: _in_world(evaluate(asked, plain(expr), since, time.time(), WINDOW_S), ahead) for expr in own | marked}


def _in_world(lines: list[Line], ahead: float) -> list[Line]:
    return [replace(line, points={ahead + at * SPEED: value for at, value in line.points.items()}) for line in lines]
