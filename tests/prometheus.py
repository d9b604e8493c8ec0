"""A real Prometheus on loopback, filled with what a simulated world exposes."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from epicenter.synthetic import History
from epicenter.synthetic.telemetry.metrics import scrape_times, streamed
from epicenter.synthetic.telemetry.mix import DEFAULT
from tests.programs import require
from tests.servers import free_port, running


@dataclass(frozen=True)
class Line:
    """One series of an answer: its labels, and its value at each Unix second where it has one."""

    labels: dict[str, str]
    points: dict[float, float]


@dataclass(frozen=True)
class Prometheus:
    """A server to ask."""

    url: str

    def query_range(self, expr: str, start: float, end: float, step_s: float) -> list[Line]:
        """Evaluate the expression at every step; the server's own words where it refuses."""
        form = {"query": expr, "start": f"{start}", "end": f"{end}", "step": f"{step_s}"}
        request = urllib.request.Request(f"{self.url}/api/v1/query_range", urllib.parse.urlencode(form).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expr}: {error.read().decode()}") from error
        return [
            Line(series["metric"], {float(at): float(value) for at, value in series["values"]})
            for series in answer["data"]["result"]
        ]


def exposition(
    history: History, every_s: float, wanted: Callable[[str], bool], metrics: Sequence[str] = DEFAULT.metrics
) -> Iterator[str]:
    """The history's metrics as lines of OpenMetrics with timestamps, of the names that are wanted."""
    times = [f"{at:.0f}" for at in scrape_times(history, every_s)]
    for family in streamed(history, every_s, metrics):
        for series in family.series:
            name = family.name + series.suffix
            if wanted(name):
                labels = ",".join(f"{key}={json.dumps(value)}" for key, value in series.labels.items())
                yield from (
                    f"{name}{{{labels}}} {value:.10g} {at}\n"
                    for at, value in zip(times, series.values, strict=True)
                    if not np.isnan(value)
                )
    yield "# EOF\n"


def backfill(lines: Iterable[str], folder: Path) -> None:
    """Write the samples as blocks into `folder`, which a server can then be started on."""
    text = folder.with_suffix(".om")
    with text.open("w", encoding="utf-8") as out:
        out.writelines(lines)
    command = [require("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    text.unlink()
    assert done.returncode == 0, done.stderr


@contextmanager
def serve(folder: Path, *flags: str, config: str = "global: {}\n") -> Generator[Prometheus]:
    """Run a server on the blocks in `folder` until the block ends; on loopback only; it scrapes what `config` says."""
    settings = folder.with_suffix(".yml")
    settings.write_text(config, encoding="utf-8")
    port = free_port()
    command = [
        require("prometheus"),
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder}",
        "--storage.tsdb.retention.time=100y",  # the simulated outage is older than the default of 15 days
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, url, folder.with_suffix(".log")):
        yield Prometheus(url)
