"""`manifest.json`: what a recording should hold, so that a copy that lost a part is noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import UnreadableInput

MANIFEST = "manifest.json"
SCHEMA = "epicenter.recording/1"

_COMPRESSED = (".zst", ".gz")
"""Somebody may have packed a file since; then its size says nothing, and the reader finds what is broken."""


class FileEntry(msgspec.Struct, frozen=True):
    """A file that is not Parquet: its size in bytes, and table -> rows that it becomes when it is read."""

    bytes: int
    rows: dict[str, int] = {}


class Manifest(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The manifest of a recording.

    rows: table -> rows in Parquet. files: the other files of telemetry by name.
    from_, to: first and last Timestamp in Unix seconds. generator: who wrote it.
    """

    schema: str
    generator: str = ""
    from_: float = 0.0
    to: float = 0.0
    rows: dict[str, int] = {}
    files: dict[str, FileEntry] = {}

    def total(self, table: str) -> int:
        """Rows of a table, whatever holds them."""
        return self.rows.get(table, 0) + sum(file.rows.get(table, 0) for file in self.files.values())


def encode_manifest(
    rows: Mapping[str, int], files: Mapping[str, FileEntry], times_ns: Sequence[int], generator: str
) -> bytes:
    """The file's content."""
    start, end = (min(times_ns) / 1e9, max(times_ns) / 1e9) if times_ns else (0.0, 0.0)
    manifest = Manifest(SCHEMA, generator, start, end, dict(rows), dict(files))
    return msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a recording; None where there is none, or another program's, which says nothing about it."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return manifest if manifest.schema.startswith("epicenter.recording/") else None


def not_a_manifest(folder: Path) -> str:
    """What `manifest.json` is, if it is none of ours; "" where it is, or where there is none."""
    path = folder / MANIFEST
    if not path.is_file() or read_manifest(folder) is not None:
        return ""
    unchecked = "so whether anything is missing beside it is not known"
    try:
        other = msgspec.json.decode(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return f"is no JSON ({error}), {unchecked}"
    ours = isinstance(other, dict) and str(other.get("schema", "")).startswith("epicenter.recording/")
    return f"cannot be read as a recording's manifest, {unchecked}" if ours else "is another program's"


def check_manifest(folder: Path) -> None:
    """Compare a recording with its manifest, where it has one.

    Raises UnreadableInput where the manifest is of another schema, or tells of other rows or files than there are.
    """
    path = folder / MANIFEST
    manifest = read_manifest(folder)
    if manifest is None:
        return
    if manifest.schema != SCHEMA:
        raise UnreadableInput(path, f"is of schema {manifest.schema!r}, and this version reads {SCHEMA!r}")
    for table, expected in manifest.rows.items():
        found = sum(_rows(part) for part in folder.glob(f"{table}*.parquet"))
        if found != expected:
            rule = f"promises {expected:,} rows of {table}, and the files beside it hold {found:,}"
            raise UnreadableInput(path, rule)
    for name, file in manifest.files.items():
        _check_file(path, folder / name, file)


def _check_file(manifest: Path, path: Path, file: FileEntry) -> None:
    if path.is_file():
        size = path.stat().st_size
        if size != file.bytes:
            raise UnreadableInput(manifest, f"promises {file.bytes:,} bytes of {path.name}, and it has {size:,}")
    elif not any(path.with_name(path.name + ending).is_file() for ending in _COMPRESSED):
        raise UnreadableInput(manifest, f"promises {path.name}, and it is not there")


def _rows(path: Path) -> int:
    """Rows of a Parquet file; a broken one has none here and is reported where it is opened."""
    try:
        return pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError):
        return 0
