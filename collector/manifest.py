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


class Manifest(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The manifest of a recording.

    rows: table -> rows. from_, to: first and last Timestamp in Unix seconds. generator: who wrote it.
    """

    schema: str
    generator: str = ""
    from_: float = 0.0
    to: float = 0.0
    rows: dict[str, int] = {}


def encode_manifest(rows: Mapping[str, int], times_ns: Sequence[int], generator: str) -> bytes:
    """The file's content."""
    start, end = (min(times_ns) / 1e9, max(times_ns) / 1e9) if times_ns else (0.0, 0.0)
    manifest = Manifest(SCHEMA, generator, start, end, dict(rows))
    return msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"


def check_manifest(folder: Path) -> None:
    """Compare a recording with its manifest, where it has one.

    Raises UnreadableInput where the manifest is of another schema, or tells of more or fewer rows than there are.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return  # another program's manifest: it says nothing about a recording
    if not manifest.schema.startswith("epicenter.recording/"):
        return
    if manifest.schema != SCHEMA:
        raise UnreadableInput(path, f"is of schema {manifest.schema!r}, and this version reads {SCHEMA!r}")
    for table, expected in manifest.rows.items():
        found = sum(_rows(part) for part in folder.glob(f"{table}*.parquet"))
        if found != expected:
            rule = f"promises {expected:,} rows of {table}, and the files beside it hold {found:,}"
            raise UnreadableInput(path, rule)


def _rows(path: Path) -> int:
    """Rows of a Parquet file; a broken one has none here and is reported where it is opened."""
    try:
        return pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError):
        return 0
