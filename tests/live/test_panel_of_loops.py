"""The panel of loops jumps on a real Prometheus while leases are lost faster than they are won back.

The whole outage at high speed does not show it: calls keep their durations, so that their repeats overlap. Here all
until an hour after the repair is sent at once, each span with its own duration, as if it had just come to be now.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry

from epicenter.rules.prometheus import Line, Prometheus, evaluate, private
from epicenter.synthetic import History
from epicenter.synthetic.formats.otlp_metrics import metric_lines
from epicenter.synthetic.telemetry.live import play
from tests.dashboards.boards import PANELS, exprs
from tests.dashboards.promql import plain
from tests.live.watching import Watching, moved, once, watching
from tests.programs import require

SINCE_REPAIR_S, SCRAPE_S = 3600.0, 0.5
TOML = "[windows]\nwindow_s = 60\nlateness_s = 43200\n"
(EXPR,) = exprs(PANELS["own-health: Loops that keep it down"])


class Leaping:
    """A clock that does not wait."""

    def __init__(self, at: float) -> None:
        self._at = at

    def now(self) -> float:
        return self._at

    def sleep(self, seconds: float) -> None:
        self._at += seconds


def test_the_loop_is_drawn_from_the_moment_it_is_found(flagship: History, tmp_path: Path) -> None:
    require("prometheus")
    with watching(tmp_path / "data", TOML) as server, private(config=_config(server)) as asked:
        since = time.time()
        once(lambda: _heights(_drawn(asked, since)) == {"lease_collapse": {0.0}})
        _send(flagship, server)
        once(lambda: _heights(_drawn(asked, since)) == {"lease_collapse": {0.0, 1.0}})
        (line,) = (one for one in _drawn(asked, since) if one.labels["loop"] == "lease_collapse")
    above = [at for at, value in line.points.items() if value == 1.0]
    assert max(at for at, value in line.points.items() if value == 0.0) < min(above)


def _config(server: Watching) -> str:
    every, targets = f"{SCRAPE_S * 1000:.0f}ms", [{"targets": [f"127.0.0.1:{server.page}"]}]
    job = {"job_name": "epicenter", "scrape_interval": every, "scrape_timeout": every, "static_configs": targets}
    return yaml.safe_dump({"scrape_configs": [job]})


def _drawn(asked: Prometheus, since: float) -> list[Line]:
    return evaluate(asked, plain(EXPR), since, time.time(), SCRAPE_S)


def _heights(lines: list[Line]) -> dict[str, set[float]]:
    """Of the loops that ever run, and of the one that should."""
    found = {line.labels["loop"]: set(line.points.values()) for line in lines}
    return {loop: heights for loop, heights in found.items() if loop == "lease_collapse" or heights != {0.0}}


def _send(history: History, server: Watching) -> None:
    now, until = time.time(), history.truth.trigger[1] + SINCE_REPAIR_S
    otlp, begin = f"http://127.0.0.1:{server.http}", now - (until - history.start)
    clock, nobody = Leaping(begin), CollectorRegistry()
    sent = play(history, otlp=otlp, registry=nobody, speed=1.0, spans_per_second=0.5, seed=0, clock=clock, until=until)
    assert sent.dropped == 0
    for body in _leases(history, until, round((now - until) * 1e9)):
        assert server.post("metrics", body)[0] == 200


def _leases(history: History, until: float, shift_ns: int) -> Iterator[bytes]:
    """Of each minute what the control planes say of themselves, moved."""
    for block in metric_lines(history, 60.0, ("world",)):
        for line in block.text.decode().splitlines():
            at = max(map(int, re.findall(r'"timeUnixNano":"(\d+)"', line)))
            if at <= until * 1e9:
                yield moved(line, shift_ns)
