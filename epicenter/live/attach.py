"""What stands around the core, each plugged in by a line here: pages, sources of telemetry, and who is told.

`sources`, `listeners`: coroutines that run until they are cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from ..collector.promapi import TENANT, TOKEN, Server
from ..collector.prometheus import Prometheus
from .alertmanager import Alertmanager
from .config import Config
from .core import Core
from .feed import Feed
from .files import follow
from .metrics import Metrics
from .page import page_routes
from .polling import poll

LOG = logging.getLogger(__name__)


def pages(feed: Feed, clock: Callable[[], float], stop: asyncio.Event) -> list[BaseRoute]:
    """The routes of the page; its streams end when `stop` is set."""
    return [*page_routes(feed, clock=clock, stop=stop)]


def sources(
    config: Config, core: Core, metrics: Metrics, clock: Callable[[], float]
) -> list[Coroutine[Any, Any, None]]:
    """What fetches telemetry; UsageError where what is configured cannot be."""
    found: list[Coroutine[Any, Any, None]] = []
    if config.prometheus.url:
        server = Server(config.prometheus.url, os.environ.get(TOKEN, ""), os.environ.get(TENANT, ""))
        found.append(poll(Prometheus(server, own_names=config.prometheus.names), core, metrics, clock))
    if config.files.folder:
        found.append(follow(Path(config.files.folder), Path(config.data) / "files.json", core))
    return found


def listeners(
    config: Config, feed: Feed, metrics: Metrics, clock: Callable[[], float], page_url: str, stop: asyncio.Event
) -> list[Coroutine[Any, Any, None]]:
    """Who is told of incidents; UsageError where what is configured cannot be."""
    if not config.alertmanager.url:
        return []
    said = [""]

    def pushed(trouble: str) -> None:
        metrics.pushes.inc()
        if trouble:
            metrics.push_failures.inc()
        if trouble != said[0]:
            LOG.warning("%s", trouble or "Alertmanager takes alerts again.")
        said[0] = trouble

    address = config.alertmanager.page_url or page_url
    return [Alertmanager(config.alertmanager.url, address, clock=clock, pushed=pushed).run(feed, stop)]
