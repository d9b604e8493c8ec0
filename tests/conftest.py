"""What tests of several rooms share: the flagship, simulated once, and a Prometheus that has scraped it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from epicenter.rules.cache import VARIABLE as CACHE
from epicenter.synthetic import History
from tests.programs import TOOLS, require
from tests.prometheus import Prometheus, holding, scraped
from tests.simulated import FOLDER, simulated

SCRAPE_S = 60.0
"""Prometheus's default, and as sparse as most estates are."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of simulated worlds before there are workers, who inherit its name and share it; and let what was
    unpacked into `.tools/` be found from other folders too, as what is installed is."""
    # a shell lets what it runs in the background ignore it, which the processes of tests would inherit
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if FOLDER not in os.environ:
        os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", os.defpath), os.fspath(TOOLS)))
        os.environ[FOLDER] = folder = tempfile.mkdtemp(prefix="epicenter-worlds-")
        os.environ[CACHE] = str(Path(folder, "loads"))
        config.add_cleanup(lambda: shutil.rmtree(folder))


@pytest.fixture(scope="session")
def flagship() -> History:
    return simulated("aws-dynamodb-2025")


@pytest.fixture(scope="session")
def flagship_prometheus(flagship: History) -> Iterator[Prometheus]:
    """All that the flagship exposes but its buckets, which no dashboard or rule reads."""
    require("prometheus")
    with holding(scraped(flagship, SCRAPE_S, lambda name: not name.endswith("_bucket"))) as prometheus:
        yield prometheus
