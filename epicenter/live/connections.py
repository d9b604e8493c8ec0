"""How many may be connected at once: the journal must never want a descriptor because strangers hold them all."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable

RESERVED_FILES = 128
"""Of the process itself: the journal, recordings, libraries, what it polls and tells; some 20 are open at rest."""


def allow_files() -> int | None:
    """Let this process have as many files open as the system lets it: how many; None without a limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return None if hard == resource.RLIM_INFINITY else hard


def most_connections(wanted: int, addresses: int, files: int | None) -> int:
    """How many may be open at each of some addresses: those wanted, or as many as there are descriptors for."""
    return wanted if files is None else max(1, min(wanted, (files - RESERVED_FILES) // addresses))


class Bounded(socket.socket):
    """A socket that listens, and hangs up at once on whoever comes while `most` of its connections are open.

    It counts here, since a server behind TLS knows nothing of a connection before both sides have shaken hands.
    """

    def __init__(self, listening: socket.socket, most: int) -> None:
        super().__init__(listening.family, listening.type, listening.proto, listening.detach())
        self._most, self._open = most, 0

    def accept(self) -> tuple[socket.socket, object]:
        """As of any socket; BlockingIOError where one was hung up on."""
        connection, where = super().accept()
        if self._open >= self._most:
            connection.close()
            raise BlockingIOError
        self._open += 1
        return _Counted(connection, self._closed_one), where

    def _closed_one(self) -> None:
        self._open -= 1


class _Counted(socket.socket):
    """A connection that tells when it is closed."""

    def __init__(self, accepted: socket.socket, closed: Callable[[], None]) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._tell = closed

    def close(self) -> None:
        if self.fileno() >= 0:
            self._tell()
        super().close()
