"""What Linux tells of the memory of a process (proc(5))."""

from __future__ import annotations

from pathlib import Path


def forget_peak() -> None:
    """Let this process's peak (`VmHWM`) begin anew at what it holds now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory_mib(field: str, pid: int | str = "self") -> float:
    """A field of a process that runs, such as `VmRSS` or its peak, `VmHWM`, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith(f"{field}:"))
