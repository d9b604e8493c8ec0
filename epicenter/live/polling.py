"""Polling a Prometheus beside the server: what it scrapes of known names, every few seconds."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from ..collector.errors import Overloaded, Refused
from ..collector.prometheus import Prometheus
from .core import Core
from .metrics import Metrics

LOG = logging.getLogger(__name__)

STEP_S = 15
"""Between two polls, and between two points of what is polled: as often as most estates scrape."""


async def poll(
    prometheus: Prometheus, halted: threading.Event, core: Core, metrics: Metrics, clock: Callable[[], float]
) -> None:
    """Show what is polled until cancelled; what cannot be had is said once, and tried again.

    halted: is set at the end, for the thread that polls. Samples that were polled are not in the journal: the
    Prometheus keeps them.
    """
    try:
        await _for_ever(prometheus, core, metrics, clock)
    finally:
        halted.set()


async def _for_ever(prometheus: Prometheus, core: Core, metrics: Metrics, clock: Callable[[], float]) -> None:
    said = ""
    while True:
        metrics.polls.inc()
        trouble = await _once(prometheus, core, clock)
        if trouble:
            metrics.poll_failures.inc()
        else:
            metrics.poll_success.set(clock())
        if trouble != said:
            LOG.warning("%s", trouble or "Prometheus can be polled again.")
        said = trouble
        await asyncio.sleep(STEP_S)


async def _once(prometheus: Prometheus, core: Core, clock: Callable[[], float]) -> str:
    """What could not be had, in a sentence."""
    known = prometheus.known()
    try:
        core.check_memory()
        tables = await asyncio.to_thread(lambda: list(prometheus.poll(clock(), STEP_S)))
    except (Overloaded, Refused) as error:
        return str(error)
    for table in tables:
        core.show("prometheus", {"samples": table})
    found = prometheus.known()
    if found != known:
        missing = ", ".join(found.missing) or "nothing"
        LOG.info("Prometheus has %d metrics that are read; nothing there tells of: %s", len(found.names), missing)
    return "; ".join(prometheus.troubles)
