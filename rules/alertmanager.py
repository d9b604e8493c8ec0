"""A real Alertmanager on loopback that routes, groups and inhibits as a user's configuration says, and tells nobody.

Of the configuration only routes, group labels and inhibitions are kept: every receiver is replaced by one that sends
nothing, a receiver a route, so that its answers say by which route an alert went.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from ..collector.errors import Unreachable, UnreadableInput
from ..collector.promapi import Server
from .files import seconds
from .mutes import Interval, Mutes, mutes_of, read_intervals
from .prometheus import READY_S, free_port, program, ready, stop

Key = tuple[tuple[str, str], ...]
"""The sorted labels of an alert, with `alertname`."""
_KEPT = ("match", "match_re", "matchers", "continue", "group_by", "mute_time_intervals", "active_time_intervals")
_TIMES = ("time_intervals", "mute_time_intervals")
_MARK = "epicenter_mark"


@dataclass(frozen=True)
class Route:
    """Where alerts go by it, and the seconds that Alertmanager waits: with a new group, for more, and to repeat.

    mutes: when it tells nobody.
    """

    receiver: str
    wait_s: float = 30.0
    interval_s: float = 300.0
    repeat_s: float = 14400.0
    mutes: Mutes = field(default_factory=Mutes)


@dataclass(frozen=True)
class Config:
    """The routes in the order of the file, and what Alertmanager is given of it."""

    routes: tuple[Route, ...]
    text: str


def read_config(path: Path) -> Config:
    """An `alertmanager.yml`; UnreadableInput where it is none."""
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        root = told["route"]
        receiver = root["receiver"]
        intervals = _intervals(path, told)
        routes: list[Route] = []
        route = _routed(root, Route(receiver), routes, intervals)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnreadableInput(path, f"cannot be read: {' '.join(str(error).split())}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableInput(path, f"is no configuration of Alertmanager: its `route` has no {error}") from error
    except ValueError as error:
        raise UnreadableInput(path, f"is no configuration of Alertmanager: its `route`: {error}") from error
    if any(min(one.interval_s, one.repeat_s) <= 0 for one in routes):
        raise UnreadableInput(path, "`group_interval` and `repeat_interval` are longer than 0")
    mark = {"source_matchers": [f'{_MARK}="a"'], "target_matchers": [f'{_MARK}="b"'], "equal": ["moment"]}
    made = {
        "route": route,
        "receivers": [{"name": str(number)} for number in range(len(routes))],
        **{name: told[name] for name in _TIMES if name in told},
        "inhibit_rules": [mark, *(told.get("inhibit_rules") or ())],
    }
    return Config(tuple(routes), yaml.safe_dump(made, sort_keys=False))


def _intervals(path: Path, told: Mapping[str, Any]) -> dict[str, tuple[Interval, ...]]:
    try:
        return read_intervals(told)
    except ValueError as error:
        raise UnreadableInput(path, f"is no configuration of Alertmanager: its time intervals: {error}") from error


def _routed(
    node: Mapping[str, Any], above: Route, routes: list[Route], intervals: Mapping[str, tuple[Interval, ...]]
) -> dict[str, Any]:
    """The node with the number of its route for a receiver; its route is appended to `routes`, those below after it."""
    waits = (
        seconds(node[name]) if name in node else inherited
        for name, inherited in (
            ("group_wait", above.wait_s),
            ("group_interval", above.interval_s),
            ("repeat_interval", above.repeat_s),
        )
    )
    own = Route(str(node.get("receiver", above.receiver)), *waits, mutes=mutes_of(node, intervals))
    made: dict[str, Any] = {"receiver": str(len(routes)), **{name: node[name] for name in _KEPT if name in node}}
    routes.append(own)
    below = [_routed(child, own, routes, intervals) for child in node.get("routes") or ()]
    return {**made, "routes": below} if below else made


def check_config(path: Path) -> None:
    """UnreadableInput where Alertmanager would not start with this file, in its own words; MissingTool."""
    command = [program("amtool"), "check-config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stdout.partition("FAILED:")[2] or done.stderr
        raise UnreadableInput(path, f"Alertmanager refuses it: {' '.join(said.split())}")


@dataclass(frozen=True)
class Alertmanager(Server):
    """A server to tell of alerts and to ask what it would do about them."""

    def moments(self, firing: Iterable[frozenset[Key]]) -> Iterator[frozenset[Key]]:
        """Of the alerts that fire at each moment, one after the other, those that are inhibited then."""
        before: frozenset[Key] = frozenset()
        for number, now in enumerate(firing):
            marks = [(_marked("a", number), True), (_marked("b", number), True)]
            if number:
                marks = [(_marked("a", number - 1), False), (_marked("b", number - 1), False), *marks]
            self._post([*((key, False) for key in before - now), *((key, True) for key in now - before), *marks])
            yield frozenset(key for key, mute in self._once_processed(number).items() if mute and key in now)
            before = now

    def groups(self, alerts: Iterable[Key]) -> dict[Key, list[tuple[int, Key]]]:
        """For each alert, by which routes it goes (their numbers) and the labels of its group there."""
        wanted = set(alerts)
        self._post([(key, True) for key in wanted])
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:  # the dispatcher takes alerts in behind the answer
            found: dict[Key, list[tuple[int, Key]]] = {}
            for group in json.loads(self.get("/api/v2/alerts/groups", {})):
                place = int(group["receiver"]["name"]), tuple(sorted(group["labels"].items()))
                for alert in group["alerts"]:
                    found.setdefault(tuple(sorted(alert["labels"].items())), []).append(place)
            if wanted <= found.keys():
                return {key: sorted(found[key]) for key in wanted}
        raise Unreachable(f"Alertmanager at {self.url} does not group what it was told of")

    def _once_processed(self, number: int) -> dict[Key, bool]:
        """Each alert and whether it is inhibited, as soon as the mark, told last, is inhibited too."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            told = json.loads(self.get("/api/v2/alerts", {}))
            found = {tuple(sorted(one["labels"].items())): bool(one["status"]["inhibitedBy"]) for one in told}
            if found.get(_marked("b", number)):
                return found
        raise Unreachable(f"Alertmanager at {self.url} does not take in what it was told of")

    def _post(self, alerts: Iterable[tuple[Key, bool]]) -> None:
        now = datetime.now(UTC)
        ends = {True: now + timedelta(days=1), False: now - timedelta(seconds=1)}
        body = [{"labels": dict(key), "endsAt": ends[fires].isoformat()} for key, fires in alerts]
        self.post("/api/v2/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"})


def _marked(which: str, number: int) -> Key:
    return tuple(sorted({"alertname": _MARK, _MARK: which, "moment": str(number)}.items()))


@contextmanager
def alertmanager(config: Config) -> Generator[Alertmanager]:
    """One with this configuration until the block ends; MissingTool, UnreadableInput in Alertmanager's words."""
    with tempfile.TemporaryDirectory(prefix="epicenter-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "alertmanager.yml").write_text(config.text, encoding="utf-8")
        with serving(folder / "alertmanager.yml", folder, free_port()) as url:
            yield Alertmanager(url)


@contextmanager
def serving(config: Path, folder: Path, port: int) -> Generator[str]:
    """The address of one on loopback until the block ends, with its data and its log in the folder; errors as above."""
    listens = f"127.0.0.1:{port}"
    command = [
        program("prometheus-alertmanager", "alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={listens}",
        "--cluster.listen-address=",  # no gossip: it would listen on every interface
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, process_group=0)  # as a private Prometheus
    try:
        if not ready(server, f"http://{listens}"):
            said = (folder / "log").read_text(errors="replace").strip().splitlines()
            wrong = [line for line in said if "err=" in line] or said
            raise UnreadableInput("alertmanager", f"does not start: {wrong[-1].split('err=')[-1] if wrong else ''}")
        yield f"http://{listens}"
    finally:
        stop(server)
