"""Files and folders of any mix of formats -> one `Recording`.

Parquet is read in place; text formats are converted once, streaming, into Parquet in a scratch folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .errors import UnreadableInput, UsageError
from .lines import MAX_LINE_BYTES, read_lines
from .model import TABLES
from .openmetrics import convert_text
from .otlp import convert_lines
from .recording import Recording
from .views import table_of

_LINES = (".jsonl", ".json", ".ndjson")
_TEXT = (".txt", ".prom", ".om", ".openmetrics")
_COMPRESSED = (".zst", ".gz")

Skip = Callable[[UnreadableInput], None]
Convert = Callable[..., Iterator[tuple[str, pa.Table]]]


def open_recording(
    paths: Sequence[Path], *, scratch: Path, skip_bad: bool = False, max_line_bytes: int = MAX_LINE_BYTES
) -> Recording:
    """Open files and folders as one recording.

    scratch: an existing folder that the caller removes after use.
    skip_bad: use what is good and list what is not in `skipped`, a sentence each.

    Raises UnreadableInput for the first file, line or column that cannot be used (unless `skip_bad`), and where
    nothing usable is left; UsageError where a path does not exist.
    """
    files: dict[str, list[Path]] = {table: [] for table in TABLES}
    skipped: list[str] = []
    ignored: list[str] = []

    def skip(error: UnreadableInput) -> None:
        skipped.append(str(error))

    for path in _without_copies(_walk(paths), ignored):
        convert = _converter(path)
        try:
            if path.suffix == ".parquet":
                files[table_of(path)].append(path)
            elif convert is None or not _is_telemetry(path):
                ignored.append(f"{path}: is no telemetry")
            else:
                tables = convert(path, skip if skip_bad else None, max_line_bytes=max_line_bytes)
                _store(tables, scratch / _name(path), files)
        except UnreadableInput as error:
            if not skip_bad:
                raise
            skip(error)
    if not any(files.values()):
        why = f" ({'; '.join(skipped)})" if skipped else ""
        raise UnreadableInput(", ".join(map(str, paths)), f"holds no telemetry that can be read{why}")
    return Recording({table: tuple(found) for table, found in files.items()}, tuple(skipped), tuple(ignored), scratch)


def _walk(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        yield from sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]


def _without_copies(paths: Iterable[Path], ignored: list[str]) -> Iterator[Path]:
    """Each file once, and of files with the same bytes the first: a copy would count everything twice."""
    by_size: dict[int, list[Path]] = {}
    for path in paths:
        same_size = by_size.setdefault(path.stat().st_size, [])
        twin = next((other for other in same_size if other.samefile(path) or _digest(other) == _digest(path)), None)
        if twin is None:
            same_size.append(path)
            yield path
        else:
            ignored.append(f"{path}: holds the same bytes as {twin}")


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _name(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]


def _converter(path: Path) -> Convert | None:
    suffix = Path(path.stem).suffix if path.suffix in _COMPRESSED else path.suffix
    return convert_lines if suffix in _LINES else convert_text if suffix in _TEXT else None


def _is_telemetry(path: Path) -> bool:
    """Whether a JSON file is worth reading as telemetry: labels, truths and manifests that lie beside it are not.

    A whole document spread over lines, or whose first line names no OTLP signal, is another program's; a first
    line that is no text at all is left to the reader, which says what is wrong with it.
    """
    if path.suffix != ".json":
        return True
    _, first = next(read_lines(path), (0, b""))
    return b'"resource' in first[:4096]


def _store(tables: Iterator[tuple[str, pa.Table]], folder: Path, files: dict[str, list[Path]]) -> None:
    """Write converted tables beside each other; what came before an error stays usable."""
    folder.mkdir(parents=True, exist_ok=True)
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for table, rows in tables:
            if table not in writers:
                files[table].append(folder / f"{table}.parquet")
                writers[table] = pq.ParquetWriter(
                    files[table][-1], TABLES[table], compression="zstd", compression_level=1
                )
            writers[table].write_table(rows)
    finally:
        for writer in writers.values():
            writer.close()
