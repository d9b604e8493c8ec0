"""What a killed process left of its journal: the torn end is cut off, what was acknowledged stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from .frames import FRAME_BYTES, Damage, Record, read_segment
from .segments import Sync, first_sequence, segments


def recover(folder: Path, report: Callable[[str], None], sync: Sync = os.fsync) -> int:
    """Mend the last segment; the first sequence number that no record of the journal can have.

    A torn end is cut off. Where whole records stand behind a damaged place it is no torn end: nothing is cut, and
    folding will pass over it. `report` takes a sentence on what was cut.
    """
    found = segments(folder)
    if not found:
        return 1
    path = found[-1]
    first = first_sequence(path)
    parts = list(read_segment(path))
    records = [part for part in parts if isinstance(part, Record)]
    torn = parts[-1] if parts and isinstance(parts[-1], Damage) else None
    if torn is not None and torn.start == 0:
        # no segment at all: how many records it held can only be bounded
        return first + torn.end // FRAME_BYTES + 1
    if torn is not None:
        report(f"{path}: the last {torn.end - torn.start:,} bytes are no whole record, as a crash leaves them; cut off")
        _cut(path, torn.start, sync)
    return records[-1].sequence + 1 if records else first


def _cut(path: Path, size: int, sync: Sync) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
        sync(descriptor)
    finally:
        os.close(descriptor)
