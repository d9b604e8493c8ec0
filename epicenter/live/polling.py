"""Polling a Prometheus beside the server: what it scrapes of known names, every few seconds."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import pyarrow as pa

from ..collector.errors import Overloaded, Refused
from ..collector.otlp.decode import Decoded
from ..collector.polled import Polled
from ..collector.promapi import POLL_S
from ..collector.prometheus import Prometheus
from .core import Core
from .metrics import Metrics
from .troubles import Troubles

LOG = logging.getLogger(__name__)


async def poll(
    prometheus: Prometheus, halted: threading.Event, core: Core, metrics: Metrics, clock: Callable[[], float]
) -> None:
    """Take what is polled until cancelled; what cannot be had is said once, and tried again.

    halted: is set at the end, for the thread that polls.
    """
    halted.clear()
    try:
        await _for_ever(prometheus, core, metrics, clock)
    finally:
        halted.set()


async def _for_ever(prometheus: Prometheus, core: Core, metrics: Metrics, clock: Callable[[], float]) -> None:
    troubles = Troubles(LOG.warning, "Prometheus can be polled again.")
    while True:
        metrics.polls.inc()
        trouble = await _once(prometheus, core, clock)
        if trouble:
            metrics.poll_failures.inc()
        else:
            metrics.poll_success.set(clock())
        troubles.tell(trouble)
        await asyncio.sleep(POLL_S)


async def _once(prometheus: Prometheus, core: Core, clock: Callable[[], float]) -> str:
    """What could not be had, in a sentence."""
    known = prometheus.known()
    try:
        core.check_memory()
        polled = await asyncio.to_thread(_polled, prometheus, clock())
    except (Overloaded, Refused) as error:
        return str(error)
    if polled is not None:
        await core.take_at_last("prometheus", polled, Decoded({"samples": polled.rows}))
    found = prometheus.known()
    if found != known:
        missing = ", ".join(found.missing) or "nothing"
        LOG.info("Prometheus has %d metrics that are read; nothing there tells of: %s", len(found.names), missing)
    return "; ".join(prometheus.troubles)


def _polled(prometheus: Prometheus, now: float) -> Polled | None:
    """What is new, ready to be written; None for nothing."""
    tables = list(prometheus.poll(now, POLL_S))
    if not tables:
        return None
    polled = Polled(pa.concat_tables(tables))
    assert polled.body  # packed here, in a thread, and kept
    return polled
