"""The metrics text of a world, as Prometheus' own tool and a strict reader of OpenMetrics take it."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from epicenter.collector.manifest import read_manifest
from epicenter.synthetic.telemetry.metrics import families as families_of
from epicenter.synthetic.telemetry.record import record
from tests.programs import require

from .toy_history import toy_history


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text") / "recording"
    return record(toy_history(), folder, spans_per_second=1.0, seed=5, file_format="openmetrics", scrape_s=60.0)


def test_promtool_makes_blocks_of_it_that_hold_every_sample(written: Path, tmp_path: Path) -> None:
    promtool = require("promtool")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", written / "metrics.txt", tmp_path]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (tmp_path / "wal").mkdir(exist_ok=True)  # older releases dump nothing without one
    dumped = subprocess.run([promtool, "tsdb", "dump", tmp_path], capture_output=True, text=True, check=True)
    manifest = read_manifest(written)
    assert manifest is not None
    assert dumped.stdout.count("\n") == manifest.total("samples") > 5000


def test_a_strict_reader_takes_each_scrape_and_knows_each_familys_type(written: Path) -> None:
    # the whole file at once it does not take: a histogram's second point it holds for a copy of the first
    lines = (written / "metrics.txt").read_text().splitlines(keepends=True)
    times = sorted({line.split()[-1] for line in lines if not line.startswith("#")})
    assert len(times) == 41
    told = Counter(family.kind for family in families_of(toy_history(), 60.0))
    assert told.keys() == {"counter", "gauge", "histogram"}
    for time in (times[0], times[20], times[-1]):
        scrape = "".join(line for line in lines if line.startswith("#") or line.endswith(f" {time}\n"))
        families = list(text_string_to_metric_families(scrape))
        assert Counter(family.type for family in families) == told
        assert all(family.documentation for family in families)


def test_the_points_of_a_metric_stand_together_in_order_of_time(written: Path) -> None:
    seen: dict[tuple[str, ...], float] = {}
    last: tuple[str, ...] = ()
    for line in (written / "metrics.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        head, _, time = line.rsplit(" ", 2)
        name, _, labels = head.partition("{")
        metric = (re.sub("_(bucket|count|sum)$", "", name), *re.findall(r'\b(?!le=)\w+="[^"]*"', labels))
        assert metric == last or metric not in seen
        assert float(time) >= seen.get(metric, 0.0)
        seen[metric], last = float(time), metric
    assert len(seen) > 10
