"""What stands around the core, each plugged in by a line here: pages, sources of telemetry, and who is told.

`sources`, `listeners`: what runs until it is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from ..collector.promapi import TENANT, TOKEN, Server
from ..collector.prometheus import Prometheus
from .alertmanager import Alertmanager
from .alerts import RUNBOOK
from .config import ALERTMANAGER_TOKEN, Config
from .core import Core
from .feed import Feed
from .files import follow
from .metrics import Metrics
from .page import page_routes
from .polling import poll
from .troubles import Troubles

LOG = logging.getLogger(__name__)

Run = Callable[[], Coroutine[Any, Any, None]]


def pages(feed: Feed, clock: Callable[[], float], stop: asyncio.Event) -> list[BaseRoute]:
    """The routes of the page; its streams end when `stop` is set."""
    return [*page_routes(feed, clock=clock, stop=stop)]


def sources(config: Config, core: Core, metrics: Metrics, clock: Callable[[], float]) -> list[Run]:
    """What fetches telemetry; UsageError where what is configured cannot be."""
    found: list[Run] = []
    if config.prometheus.url:
        server = Server(config.prometheus.url, os.environ.get(TOKEN, ""), os.environ.get(TENANT, ""))
        halted = threading.Event()  # a thread that asks a slow server does not end when its task is cancelled
        prometheus = Prometheus(
            server,
            own_names=config.prometheus.names,
            since_s=config.windows.lateness_s,
            sleep=partial(_wait, halted),
            stopped=halted.is_set,
        )
        found.append(partial(poll, prometheus, halted, core, metrics, clock))
    if config.files.folder:
        kept = Path(config.data) / "files.json"
        found.append(partial(follow, Path(config.files.folder), kept, core, metrics))
    return found


def _wait(halted: threading.Event, seconds: float) -> None:
    halted.wait(seconds)


def listeners(
    config: Config, feed: Feed, metrics: Metrics, clock: Callable[[], float], page_url: str, stop: asyncio.Event
) -> list[Run]:
    """Who is told of incidents; UsageError where what is configured cannot be."""
    if not config.alertmanager.url:
        return []
    troubles = Troubles(LOG.warning, "Alertmanager takes alerts again.")

    def pushed(trouble: str) -> None:
        metrics.pushes.inc()
        if trouble:
            metrics.push_failures.inc()
        troubles.tell(trouble)

    told, token = config.alertmanager, os.environ.get(ALERTMANAGER_TOKEN, "")
    alertmanager = Alertmanager(
        told.url,
        told.page_url or page_url,
        runbook_url=told.runbook_url or RUNBOOK,
        token=token,
        clock=clock,
        pushed=pushed,
    )
    return [partial(alertmanager.run, feed, stop)]
