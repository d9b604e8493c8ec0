"""docs/live.md, "From nothing to a live incident", followed word for word.

Only the ports are others, since those of the page may be taken; the world runs twice as fast as there, in windows half
as long, and Prometheus scrapes each second.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from epicenter.rules.prometheus import free_port
from tests.live.watching import once
from tests.programs import require

ROOT = Path(__file__).parents[2]
PART = re.search(r"## From nothing to a live incident\n(.*?)\n## ", (ROOT / "docs/live.md").read_text(), re.DOTALL)
PATIENCE_S = 180.0


@contextmanager
def running(command: str, folder: Path, environment: Mapping[str, str]) -> Generator[subprocess.Popen[str]]:
    """The command in a terminal of its own, until the end of the block."""
    with subprocess.Popen(
        ["sh", "-c", f"exec {command}"],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            _, said = process.communicate(timeout=PATIENCE_S)
            print(said)


def once_told(command: str, wanted: list[str], *processes: subprocess.Popen[str]) -> None:
    """Wait until the command prints all that is wanted, while the processes run."""

    def told() -> bool:
        assert all(one.poll() is None for one in processes)
        said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False).stdout
        return all(word in said for word in wanted)

    once(told, PATIENCE_S)


def test_who_follows_the_page_sees_the_incident_here_and_in_prometheus(tmp_path: Path) -> None:
    assert PART
    ports = {port: str(free_port()) for port in ("4317", "4318", "9465", "9090")}
    commands = [_moved(block, ports) for block in re.findall(r"```\n(.*?)\n```", PART[1], re.DOTALL)]
    watch, emit, metrics, prometheus = commands
    query = _moved(re.findall(r"`(curl [^`]+)`", PART[1])[0], ports)
    incident = re.findall(r'`(\w+="[^`]+")`', PART[1])
    assert len(incident) == 2
    programs = os.pathsep.join([str(require("prometheus").parent), os.environ["PATH"]])
    require("curl")
    _checkout(tmp_path, ports)
    listening = {
        "EPICENTER_LISTEN_PAGE": f"127.0.0.1:{ports['9465']}",
        "EPICENTER_LISTEN_HTTP": f"127.0.0.1:{ports['4318']}",
        "EPICENTER_LISTEN_GRPC": f"127.0.0.1:{ports['4317']}",
    }
    elsewhere = f"{prometheus} --web.listen-address=127.0.0.1:{ports['9090']}"
    with (
        running(watch.replace("--window 10", "--window 5"), tmp_path, listening) as server,
        running(elsewhere, tmp_path, {"PATH": programs}) as beside,
    ):
        once_told(f"curl -s http://127.0.0.1:{ports['9465']}/healthz", ["ok"], server, beside)
        with running(
            f"{emit.replace('--speed 120', '--speed 240')} --metrics-port {free_port()}", tmp_path, {}
        ) as sender:
            once_told(metrics, incident, server, sender)
            once_told(query, [re.sub(r"(\w+)=", r'"\1":', label) for label in incident], server, beside)


def _moved(command: str, ports: Mapping[str, str]) -> str:
    """The command at other ports."""
    for port, other in ports.items():
        command = command.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}")
    return command


def _checkout(folder: Path, ports: Mapping[str, str]) -> None:
    """As much of a checkout as the page uses, with what `make .venv/ready` makes."""
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/epicenter").symlink_to(Path(sys.executable).parent / "epicenter")
    for name in ("deploy", "rules"):
        shutil.copytree(ROOT / name, folder / name)
    config = folder / "deploy/prometheus/prometheus.yml"
    text = config.read_text().replace("localhost:9465", f"localhost:{ports['9465']}")
    config.write_text(text.replace("scrape_interval: 30s", "scrape_interval: 1s"))
