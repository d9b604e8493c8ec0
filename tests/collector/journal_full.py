"""Fills a journal until the disk is full, makes room, and goes on; prints what was acknowledged.

Run with: journal, and `disk` (there is a file `ballast` beside the journal to be removed) or `limit` (the system limits
the size of files, and then does not).
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from epicenter.collector.errors import DiskFull
from epicenter.collector.wal import Wal

PAYLOAD = 3_000


def main(folder: Path, how: str) -> None:
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    with Wal(folder, clock=lambda: 0.0, report=print) as wal:
        refused = 0
        while refused < 3:  # once full it stays so until there is room
            try:
                print("acknowledged", wal.append(1, b"x" * PAYLOAD))
            except DiskFull as error:
                refused += 1
                print("refused", error)
        if how == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        else:
            (folder.parent / "ballast").unlink()
        print("acknowledged", wal.append(1, b"x" * PAYLOAD))
    with Wal(folder, clock=lambda: 0.0, report=print):
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
