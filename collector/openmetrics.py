"""Metrics text with timestamps -> samples: OpenMetrics (seconds) and the Prometheus text format (milliseconds).

The reader is our own and tolerant, since the library's refuses what recorders really write: series that
interleave, HELP before TYPE, no closing `# EOF`. Exemplars are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from .errors import UnreadableInput
from .lines import MAX_LINE_BYTES, read_lines
from .model import SAMPLES
from .otlp.rows import Columns, checked_time

_SAMPLE = re.compile(
    r"""(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
        (?:\{(?P<labels>(?:[^"}]|"(?:\\.|[^"\\])*")*)\})?
        \s+(?P<value>\S+)
        (?:\s+(?P<time>[-+0-9.eE]+))?
        \s*(?:\#.*)?$""",
    re.VERBOSE,
)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:\\.|[^"\\])*)"\s*,?')
_ESCAPE = re.compile(r"\\(.)")

_MILLISECONDS_FROM = 1e11
"""As seconds this is the year 5138, as milliseconds 1973: a greater timestamp is in milliseconds."""

_BATCH_ROWS = 100_000


def convert_text(
    path: Path, skip: Callable[[UnreadableInput], None] | None = None, *, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[str, pa.Table]]:
    """Yield ("samples", rows); a bad line raises UnreadableInput, or is handed to `skip` and passed over."""
    columns = Columns(SAMPLES)
    lines = read_lines(path, max_line_bytes=max_line_bytes)
    while True:
        try:
            number, line = next(lines)
            if not line.lstrip().startswith(b"#"):
                columns.append(*_sample(path, number, line))
        except StopIteration:
            break
        except UnreadableInput as error:
            if skip is None:
                raise
            skip(error)
        if len(columns) >= _BATCH_ROWS:
            yield "samples", columns.take()
    if len(columns):
        yield "samples", columns.take()


def _sample(path: Path, number: int, line: bytes) -> tuple[int, str, list[tuple[str, str]], float]:
    try:
        match = _SAMPLE.match(line.decode().strip())
        if match is None:
            raise ValueError('it should read: name{label="value"} value timestamp')
        if match["time"] is None:
            raise ValueError("it has no timestamp, and without one a recording cannot place it")
        time = float(match["time"])
        nanos = round(time * (1e6 if time > _MILLISECONDS_FROM else 1e9))
        return checked_time(nanos, "timestamp"), match["name"], _labels(match["labels"] or ""), float(match["value"])
    except (ValueError, OverflowError) as error:
        raise UnreadableInput(path, f"is not a metrics sample ({error})", line=number) from error


def _labels(text: str) -> list[tuple[str, str]]:
    labels: dict[str, str] = {}
    position = 0
    while position < len(text.rstrip()):
        match = _LABEL.match(text, position)
        if match is None:
            raise ValueError(f"its labels break off at {text[position : position + 40]!r}")
        labels[match[1]] = _ESCAPE.sub(lambda escaped: "\n" if escaped[1] == "n" else escaped[1], match[2])
        position = match.end()
    return sorted(labels.items())
