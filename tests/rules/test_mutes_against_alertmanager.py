"""The times at which a route is mute, held to a real Alertmanager by its own clock.

Each interval mutes one route, and is the only time of another: at any moment just one of the two tells, so that what
is silent is known as soon as the other has spoken, and nothing is waited for.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import yaml

from epicenter.collector.promapi import Server
from epicenter.rules.alertmanager import read_config, serving
from epicenter.rules.prometheus import free_port
from tests.programs import require
from tests.servers import READY_S

INTERVALS = 60
_ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Local")
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october")


def interval(draw: random.Random) -> dict[str, Any]:
    """Of each kind of range some have some: valid ones, as a user may spell them."""
    made: dict[str, Any] = {}
    if draw.random() < 0.7:
        made["times"] = [{"start_time": a, "end_time": b} for a, b in (hours(draw) for _ in range(draw.randint(1, 2)))]
    if draw.random() < 0.4:
        made["weekdays"] = [spelled(draw, _WEEKDAYS, 0, 6)]
    if draw.random() < 0.4:
        made["days_of_month"] = [draw.choice(("1:-1", "1:20", "-12:-1", "10:31", "-31:-3", "15", "28:31", "-2"))]
    if draw.random() < 0.3:
        made["months"] = [spelled(draw, ("", *_MONTHS, "november", "december"), 1, 12)]
    if draw.random() < 0.2:
        year = time.gmtime().tm_year
        made["years"] = [draw.choice((f"{year}", f"{year - 1}:{year + 1}", f"{year + 1}:{year + 2}"))]
    return {**made, "location": draw.choice(_ZONES)}


def hours(draw: random.Random) -> tuple[str, str]:
    first, last = sorted(draw.sample(range(1441), 2))
    return f"{first // 60:02}:{first % 60:02}", f"{last // 60:02}:{last % 60:02}"


def spelled(draw: random.Random, names: tuple[str, ...], least: int, most: int) -> str:
    ends = sorted(draw.randint(least, most) for _ in range(2))
    # a number of a weekday is not taken, of a month it is
    by_name = least == 0 or draw.random() < 0.5
    return ":".join(names[end] if by_name else str(end) for end in ends)


@contextmanager
def told() -> Generator[tuple[str, Queue[str]]]:
    """The address of a receiver on loopback, and the paths at which it was told something."""
    paths: Queue[str] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is http.server's
            self.rfile.read(int(self.headers["Content-Length"]))
            paths.put(self.path.strip("/"))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            del format, args

    class Front(ThreadingHTTPServer):
        request_queue_size = 2 * INTERVALS  # all come at once, and one that finds no room comes again in seconds

    with Front(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", paths
        finally:
            server.shutdown()
            thread.join()


def test_a_route_is_mute_when_alertmanager_says_so(tmp_path: Path) -> None:
    require("prometheus-alertmanager")
    draw = random.Random(6)
    drawn = [[interval(draw) for _ in range(draw.randint(1, 2))] for _ in range(INTERVALS)]
    with told() as (address, paths):
        names = [f"{number}-{kind}" for number in range(INTERVALS) for kind in ("mute", "active")]
        path = tmp_path / "alertmanager.yml"
        config = {
            "route": {
                "receiver": "nobody",
                "group_wait": "0s",
                "routes": [
                    {
                        "receiver": name,
                        "matchers": [f'to="{name}"'],
                        f"{name.split('-')[1]}_time_intervals": [name.split("-")[0]],
                    }
                    for name in names
                ],
            },
            "time_intervals": [{"name": str(i), "time_intervals": one} for i, one in enumerate(drawn)],
            "receivers": [
                {"name": "nobody"},
                *({"name": name, "webhook_configs": [{"url": f"{address}/{name}"}]} for name in names),
            ],
        }
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        routes = zip(names, read_config(path).routes[1:], strict=True)
        now = time.time()
        mute = {name: {one.mutes.holds(now + later) for later in range(0, 180, 20)} for name, one in routes}
        lasting = [name for name in names if len(mute[name]) == 1]  # its time neither begins nor ends meanwhile
        with serving(path, tmp_path, free_port()) as url:
            body = json.dumps([{"labels": {"alertname": "A", "to": name}} for name in lasting]).encode()
            Server(url).post("/api/v2/alerts", body, {"Content-Type": "application/json"})
            spoke = {paths.get(timeout=READY_S) for _ in range(len(lasting) // 2)}
    assert spoke == {name for name in lasting if mute[name] == {False}}
    assert {name.split("-")[1] for name in spoke} == {"mute", "active"}
