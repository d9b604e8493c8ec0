"""Following the files of a Collector: each line is taken as a request is, and none is lost by a restart."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from ..collector.errors import UnreadableRequest
from ..collector.otlp.decode import Export, Signal, decode
from ..collector.tail import State, Tail, TailedLine
from .core import Core
from .metrics import Metrics
from .troubles import Troubles

LOG = logging.getLogger(__name__)

POLL_S = 1.0
_KEYS: dict[Signal, bytes] = {"traces": b'"resourceSpans"', "metrics": b'"resourceMetrics"', "logs": b'"resourceLogs"'}
_HEAD_BYTES = 4096


async def follow(folder: Path, kept: Path, core: Core, metrics: Metrics) -> None:
    """Take the lines of the folder's files until cancelled; one that fails is told and counted, and passed over.

    kept: file of the places that were read up to, written once the lines before them are durable.
    """
    tail = Tail(folder, _state(kept))
    troubles = Troubles(LOG.warning)
    while True:
        lines = await asyncio.to_thread(tail.poll)
        for line in lines:
            try:
                await _take(line, core)
            except Exception:  # to begin anew would take again all that came before it, each time
                metrics.analysis_failures.inc()
                LOG.exception("%s: a line before byte %d failed, and is passed over", line.path.name, line.offset)
        if lines:
            await asyncio.to_thread(_keep, kept, tail.state)
        troubles.tell(*tail.troubles)
        await asyncio.sleep(0 if lines else POLL_S)


async def _take(line: TailedLine, core: Core) -> None:
    head = line.text[:_HEAD_BYTES]
    signal: Signal | None = next((name for name, key in _KEYS.items() if key in head), None)
    if signal is None:
        if line.text.strip():
            LOG.warning("%s: a line before byte %d is no OTLP, and is passed over", line.path.name, line.offset)
        return
    export = Export(signal, line.text, json=True)
    try:
        decoded = await asyncio.to_thread(decode, export)
    except UnreadableRequest as error:
        core.refused(signal, error)
        LOG.warning("%s: a line before byte %d is passed over (%s)", line.path.name, line.offset, error)
        return
    await core.take_at_last("file", export, decoded)


def _state(kept: Path) -> State | None:
    try:
        return msgspec.json.decode(kept.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        LOG.warning("%s is damaged: the files are read from their beginning", kept.name)
        return None


def _keep(kept: Path, state: State) -> None:
    aside = kept.with_suffix(".partial")
    try:
        aside.write_bytes(msgspec.json.encode(state))
        aside.replace(kept)
    except OSError as error:
        LOG.warning("%s cannot be written (%s): after a restart some lines come twice", kept.name, error.strerror)
