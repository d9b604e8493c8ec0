"""How much memory this process holds, and how it gives back what it holds for nothing."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_SMALL_BYTES = 384 * 1024
"""What is greater is taken from the system and given back at once, and it grows without being copied. What is smaller
is used again: asyncio takes 256 KB for all that it reads, and to get their pages anew cost it 4 parts in 10."""
_ARENAS = 2
"""Of which all threads take what is small, whichever gets which: each holds its freed pieces for itself, and with one a
thread that came to hundreds of MB."""


def resident_bytes(process: int) -> int:
    """What a process holds, by its id; FileNotFoundError or ProcessLookupError where it has ended (Linux)."""
    pages = int(Path(f"/proc/{process}/statm").read_bytes().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def release() -> None:
    """Let go of what nothing leads to any more, and of the memory of it."""
    gc.collect()
    trim()


def be_frugal() -> None:
    """Tell the allocators of this process to give back early what is freed; before Arrow is imported, which asks once.

    Counts take and free some hundred MB every second, of which glibc and Arrow's own pool would hold most for later.
    Another pool of Arrow's that is set in the environment stays.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's alone
    if mallopt is not None:
        for of in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            mallopt(of, _SMALL_BYTES)
        mallopt(_M_ARENA_MAX, _ARENAS)


def trim() -> None:
    """Give freed memory back to the system, which the allocators keep for later."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if malloc_trim is not None:
        malloc_trim(0)
