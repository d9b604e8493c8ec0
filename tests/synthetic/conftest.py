"""What tests of the worlds share."""

from __future__ import annotations

import socket

import pytest


@pytest.fixture
def dead_end() -> str:
    """An address where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"
