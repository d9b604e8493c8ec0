"""What stands around the core, each plugged in by one line here: pages, sources of telemetry, and who is told.

`pages`: routes of the web page. `sources`, `listeners`: coroutines that run until they are cancelled.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from .config import Config
from .core import Core
from .feed import Feed
from .metrics import Metrics


def pages(feed: Feed) -> list[BaseRoute]:
    """The routes of the page: put `*page_routes(feed)` in place of what stands here."""
    del feed
    return [Route("/", _nothing_yet)]


async def _nothing_yet(_: Request) -> Response:
    return PlainTextResponse("Epicenter watches. Look at /metrics, /healthz and /readyz.\n")


def sources(config: Config, core: Core, metrics: Metrics) -> list[Coroutine[Any, Any, None]]:
    """What fetches telemetry: the poller where `config.prometheus.url`, the tailer where `config.files.folder`.

    Each hands on what it has by `core.take("prometheus" or "http", export, decoded)`, which makes it durable, or by
    `core.show(transport, tables)`, which does not.
    """
    del config, core, metrics
    return []


def listeners(config: Config, feed: Feed, metrics: Metrics) -> list[Coroutine[Any, Any, None]]:
    """Who is told of incidents: the pusher where `config.alertmanager.url`."""
    del config, feed, metrics
    return []
