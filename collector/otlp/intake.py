"""What is done with an export request whichever way it came: unpacked and decoded aside, then handed on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import EpicenterError, Overloaded, OversizedRequest, Unavailable, UnreadableRequest
from .decode import Decoded, Export, Signal, checked, inflate

Take = Callable[[Export, Decoded], Awaitable[object]]
"""Makes a request safe and uses it. Once it is done the sender is told that it need not send again.

It raises Unavailable (Overloaded, DiskFull, …) where the sender is to try again later.
"""

Refused = Callable[[Signal, EpicenterError], None]
"""Is told of each request that was not taken, and why: UnreadableRequest or Unavailable."""


@dataclass(frozen=True)
class Limits:
    """What is taken at the most.

    body_bytes: of one request, as it comes (the Collector's confighttp takes 20 MiB). unpacked_bytes: of one that was
    compressed. held_bytes: of all that are being taken. body_s: seconds for the body to arrive. decoded_at_once:
    requests; decoded messages take many times the room of a request, and more at once are no faster.
    """

    body_bytes: int = 20 * 2**20
    unpacked_bytes: int = 64 * 2**20
    held_bytes: int = 256 * 2**20
    body_s: float = 30.0
    decoded_at_once: int = 1


class Intake:
    """Takes requests, in one event loop, within limits."""

    def __init__(self, take: Take, limits: Limits, refused: Refused = lambda signal, error: None) -> None:
        self._take, self.limits, self._refused = take, limits, refused
        self._decoding = asyncio.Semaphore(limits.decoded_at_once)
        self._held = 0

    @contextmanager
    def holding(self, signal: Signal) -> Generator[Callable[[int], None]]:
        """Gives what is to be told how many more bytes are held; they are let go of at the end of the block.

        It raises Overloaded where all together hold too many.
        """
        mine = 0

        def hold(more: int) -> None:
            nonlocal mine
            mine += more
            self._held += more
            if self._held > self.limits.held_bytes:
                raise Overloaded(f"{self.limits.held_bytes:,} bytes of requests are being taken, and more may not")

        try:
            yield hold
        except (UnreadableRequest, Unavailable) as error:
            self._refused(signal, error)
            raise
        finally:
            self._held -= mine

    async def receive(self, signal: Signal, body: bytes, *, json: bool = False, gzip: bool = False) -> Decoded:
        """Check a request and hand it on; what it held, once that is safe.

        Raises UnreadableRequest (OversizedRequest) for what will never be taken, Unavailable for what is not now.
        """
        async with self._decoding:
            export, decoded = await asyncio.to_thread(self._decoded, signal, body, json, gzip)
        await self._take(export, decoded)
        return decoded

    def _decoded(self, signal: Signal, body: bytes, json: bool, gzip: bool) -> tuple[Export, Decoded]:
        limit = self.limits.unpacked_bytes
        if gzip:
            body = inflate(body, limit)
        elif len(body) > limit:
            raise OversizedRequest(f"a request may have {limit:,} bytes, and this one has more")
        export = Export(signal, body, json)
        return export, checked(export)
