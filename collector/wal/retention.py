"""How long the parts of a recording stay, and how much of the disk they may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from .fold import parts_of, sequences
from .segments import damaged_segments


@dataclass(frozen=True)
class Kept:
    """How long parts are kept, in seconds since they were written, and how many bytes of them; None: without end."""

    seconds: float | None = None
    bytes: int | None = None


def retain(recording: Path, kept: Kept, now: float) -> list[Path]:
    """Remove the oldest parts of a recording that are too old or too many at `now` (Unix seconds); those removed.

    The parts of one segment go together, so that no span loses the log records that tell how it failed.
    """
    return _removed([list(parts) for _, parts in groupby(parts_of(recording), key=sequences)], kept, now)


def retain_damaged(journal: Path, kept: Kept, now: float) -> list[Path]:
    """The same for the segments of which not all could be folded, and which were put aside for somebody to look at."""
    return _removed([[path] for path in damaged_segments(journal)], kept, now)


def _removed(groups: Sequence[Sequence[Path]], kept: Kept, now: float) -> list[Path]:
    total = sum(path.stat().st_size for parts in groups for path in parts)
    removed: list[Path] = []
    for parts in groups:
        age = now - max(path.stat().st_mtime for path in parts)
        too_old = kept.seconds is not None and age > kept.seconds
        if not too_old and (kept.bytes is None or total <= kept.bytes):
            break
        for path in parts:
            total -= path.stat().st_size
            path.unlink()
            removed.append(path)
    return removed
