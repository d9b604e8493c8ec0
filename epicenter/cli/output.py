"""What commands share: JSON as it is written, and a sign of life on a terminal."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


def to_json(value: object) -> bytes:
    """Indented JSON with a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


@contextmanager
def progress(title: str) -> Generator[Progress]:
    """A bar on the terminal's error stream while the block runs; nothing in a pipe."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        bar.add_task(title, total=None)
        yield bar
