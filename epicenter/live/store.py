"""What the server keeps on disk: the journal, recordings by the hour, incidents, and the windows to go on from.

DATA/journal/         what was acknowledged and is not in a recording yet
DATA/recordings/HOUR  a recording an hour, such as 2025-10-20T06 (UTC), for `epicenter analyze`
DATA/incidents/       an incident a file
DATA/windows          the closed windows, as of the last time that they were kept
DATA/folding          empty: locked by whoever makes parts of recordings of the journal
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ..collector.aside import writing
from ..collector.errors import UnreadableRequest
from ..collector.manifest import MANIFEST
from ..collector.model import CALLS, CHANGES, SAMPLES, SIGNALS, TEXTS, VERSIONS
from ..collector.otlp.decode import Decoded
from ..collector.polled import held_by
from ..collector.wal import Damage, Kept, Wal, last_folded, read_segment, retain, retain_damaged, segments
from ..collector.wal import Limits as WalLimits
from ..collector.wal.segments import first_sequence
from .config import Keep
from .folding import Due, Fold, alone, fold_here
from .state import State

Report = Callable[[str], None]

_MARK_BYTES = hashlib.sha256().digest_size


class Store:
    """The folder DATA, which one server at a time may have open.

    monotonic: seconds that never go back. report: takes a sentence on what is damaged. fold: makes segments parts of
    recordings.
    Raises UsageError where another server has it open, UnwritableOutput where it cannot be made.
    """

    def __init__(
        self,
        data: Path,
        keep: Keep,
        *,
        monotonic: Callable[[], float],
        report: Report,
        limits: WalLimits | None = None,
        fold: Fold = fold_here,
    ) -> None:
        self.data, self._keep, self._report, self._fold = data, keep, report, fold
        self.recordings = data / "recordings"
        with writing(data):
            self.recordings.mkdir(parents=True, exist_ok=True)
            with alone(data):  # a server that was killed may have left one that folds, and has not seen it yet
                pass
        folded = max((last_folded(hour) for hour in self._hours()), default=0)
        self.wal = Wal(data / "journal", clock=monotonic, report=report, at_least=folded + 1, limits=limits)
        self._before, self._until = segments(self.wal.folder), self.wal.next_sequence

    def _hours(self) -> list[Path]:
        return sorted(path for path in self.recordings.iterdir() if path.is_dir() and not path.suffix)

    def replay(self, first: int) -> Iterator[tuple[int, Decoded]]:
        """What the records from `first` on hold that were in the journal when it was opened."""
        for index, segment in enumerate(self._before):
            if index + 1 < len(self._before) and first_sequence(self._before[index + 1]) <= first:
                continue
            for record in read_segment(segment):
                if isinstance(record, Damage) or not first <= record.sequence < self._until:
                    continue
                try:
                    yield record.sequence, held_by(record.kind, record.payload)
                except UnreadableRequest as error:
                    self._report(f"{segment}: record {record.sequence} is left out: {error}")

    def fold(self, before: int) -> None:
        """Fold the segments that hold nothing from record `before` on, which `replay` would need, into recordings.

        Raises UnwritableOutput, DiskFull or JournalFailed where the system refuses.
        """
        ended = self.wal.roll()
        following = segments(self.wal.folder)[1:]
        whole = [one for one, after in zip(ended, following, strict=False) if first_sequence(after) <= before]
        with writing(self.wal.folder):
            due = [Due(segment, self.recordings / _hour(segment)) for segment in whole]
        if due:
            with writing(self.data), alone(self.data) as lock:
                self._fold(due, lock, self._report)

    def retain(self, now: float) -> None:
        """Remove what is older, or more, than is kept, the oldest first; UnwritableOutput where the system refuses."""
        with writing(self.recordings):
            self._retain(now)

    def _retain(self, now: float) -> None:
        retain_damaged(self.wal.folder, Kept(self._keep.age_s or None, self._keep.bytes or None), now)
        hours = self._hours()
        sizes = {hour: sum(path.stat().st_size for path in hour.iterdir()) for hour in hours}
        excess = sum(sizes.values()) - self._keep.bytes if self._keep.bytes else 0
        for hour in hours:
            room = max(0, sizes[hour] - excess) if excess > 0 else None
            before = sizes[hour]
            retain(hour, Kept(seconds=self._keep.age_s or None, bytes=room), now)
            left = [path for path in hour.iterdir() if path.name != MANIFEST]
            excess -= before - sum(path.stat().st_size for path in left)
            if not left:
                (hour / MANIFEST).unlink(missing_ok=True)
                hour.rmdir()

    def write_state(self, state: State) -> None:
        """Keep the closed windows; UnwritableOutput where the system refuses."""
        aside = self.data / "windows.partial"
        with writing(self.data):
            written = msgspec.msgpack.encode(state)
            with aside.open("wb") as file:
                file.write(_mark(written) + written)
                file.flush()
                os.fsync(file.fileno())
            aside.rename(self.data / "windows")

    def read_state(self, window_s: int) -> State | None:
        """The closed windows as they were kept; None where there are none of this length."""
        path = self.data / "windows"
        if not path.exists():
            return None
        whole = path.read_bytes()
        mark, written = whole[:_MARK_BYTES], whole[_MARK_BYTES:]
        if mark != _mark(written):
            self._report(f"{path}: is left out, since it is damaged or of another version; the windows begin anew")
            return None
        state = msgspec.msgpack.decode(written, type=State)
        return state if state.window_s == window_s else None

    def wal_size(self) -> tuple[int, int]:
        """Bytes and files of the journal."""
        found = [entry for entry in os.scandir(self.wal.folder) if ".wal" in entry.name]
        sizes = [size for entry in found if (size := _size(entry)) is not None]
        return sum(sizes), len(sizes)

    def free_bytes(self) -> int:
        """Room that is left on the disk."""
        found = os.statvfs(self.data)
        return found.f_bavail * found.f_frsize

    def close(self) -> None:
        """Write what waits, and let go of the folder."""
        self.wal.close()


def _hour(segment: Path) -> str:
    """By when it was written to last, which a crash while it is folded does not change."""
    return datetime.fromtimestamp(segment.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H")


def _mark(written: bytes) -> bytes:
    """Of the bytes, and of what is told in them: windows of a version with other columns are none to go on from."""
    told = (CALLS, TEXTS, SIGNALS, VERSIONS, CHANGES, SAMPLES, msgspec.inspect.type_info(State))
    mark = hashlib.sha256("\n".join(map(str, told)).encode())
    mark.update(written)
    return mark.digest()


def _size(entry: os.DirEntry[str]) -> int | None:
    """Bytes of a segment; None where it has been folded meanwhile."""
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return None
