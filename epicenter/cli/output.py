"""What commands share: JSON as it is written, and a sign of life on a terminal."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..collector.errors import UsageError


def to_json(value: object) -> bytes:
    """Indented JSON with a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def write_result(value: object, path: Path | None) -> bool:
    """Write it as JSON where a path is given; whether that was standard output, which then gets nothing else."""
    if str(path) == "-":
        click.echo(to_json(value), nl=False)
        return True
    if path is not None:
        path.write_bytes(to_json(value))
    return False


def check_writable(path: Path | None) -> None:
    """UsageError before the long work, not after it, where its result could not be written to the file."""
    if path is None or str(path) == "-":
        return
    if path.is_dir():
        raise UsageError(f"{path}: is a folder, and the result is a file")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{path}: may not be written by this user")


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
