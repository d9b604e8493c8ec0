"""What the server keeps on disk: windows to go on from, and recordings no older and no more than asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from epicenter.live.config import Keep, Limits, Windows
from epicenter.live.store import Store
from epicenter.live.windows import LiveWindows
from tests.collector.journals import TRACES, one_span

HOUR = 3600.0
NOW = 1_700_000_000.0


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, told: list[str]) -> Iterator[Store]:
    store = opened(tmp_path, told)
    yield store
    store.close()


def opened(data: Path, told: list[str], keep: Keep | None = None) -> Store:
    return Store(data, keep or Keep(), monotonic=lambda: 0.0, report=told.append)


def test_windows_that_are_damaged_or_of_another_version_are_left_out(store: Store, told: list[str]) -> None:
    state = LiveWindows(Windows(), Limits()).state()
    store.write_state(state)
    assert store.read_state(60) == state
    assert store.read_state(30) is None
    path = store.data / "windows"
    whole = path.read_bytes()
    for damaged in (b"", whole[:40], whole[:-1], whole[:-9] + b"\0" * 9, whole[1:], b"\x96" + whole[32:]):
        path.write_bytes(damaged)
        assert store.read_state(60) is None
    assert set(told) == {f"{path}: is left out, since it is damaged or of another version; the windows begin anew"}


def five_hours(data: Path) -> Store:
    """A store of five recordings of one part each, the last ended now, and of a damaged segment beside each."""
    store = opened(data, [])
    for ago in range(4, -1, -1):
        ended = NOW - ago * HOUR
        store.wal.append(TRACES, one_span(ago, "x" * 1000))
        (segment,) = store.wal.roll(force=True)
        damaged = segment.with_name(f"{segment.name}.damaged")
        damaged.write_bytes(b"x" * 1000)
        for path in (segment, damaged):
            os.utime(path, (ended, ended))
        store.fold(store.wal.next_sequence)
        (part,) = (path for path in store.recordings.glob("*/*.parquet") if path.stat().st_mtime > NOW)
        os.utime(part, (ended, ended))
    store.close()
    return store


def left(store: Store, keep: Keep) -> tuple[list[str], int]:
    """The recordings that are kept, and how many damaged segments."""
    again = opened(store.data, [], keep)
    again.retain(NOW)
    again.close()
    return sorted(path.name for path in store.recordings.iterdir()), len(list(store.wal.folder.glob("*.damaged")))


def test_what_is_too_old_or_too_much_goes_the_oldest_first(tmp_path: Path) -> None:
    store = five_hours(tmp_path)
    every = ["2023-11-14T18", "2023-11-14T19", "2023-11-14T20", "2023-11-14T21", "2023-11-14T22"]
    assert left(store, Keep(age_s=0, bytes=0)) == (every, 5)
    assert left(store, Keep(age_s=round(3.5 * HOUR), bytes=0)) == (every[1:], 4)
    last_three = sum(path.stat().st_size for name in every[2:] for path in (store.recordings / name).iterdir())
    assert left(store, Keep(age_s=0, bytes=last_three)) == (every[2:], 4)
    assert left(store, Keep(age_s=0, bytes=2_500)) == ([], 2)
