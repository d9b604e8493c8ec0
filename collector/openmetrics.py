"""Metrics text with timestamps -> samples: OpenMetrics (seconds) and the Prometheus text format (milliseconds).

The reader is our own, since prometheus_client's OpenMetrics parser is made for one scrape and refuses what
recorders write: the same family again after another, samples that interleave by time, a missing `# EOF`. Metadata
lines and exemplars are passed over; a NaN value stays, as Prometheus' staleness.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from .columns import Columns, Pairs, checked_time, shared_maps
from .errors import UnreadableInput
from .lines import MAX_LINE_BYTES, Report, read_lines, refuse
from .model import SAMPLES

_SAMPLE = re.compile(
    r"""(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)?
        \s*(?:\{(?P<labels>(?:[^"}]|"(?:\\.|[^"\\])*")*)\})?
        \s*(?<=[\s}])(?P<value>[-+.a-zA-Z0-9_]+)
        (?:[ \t]+(?P<time>[-+0-9.eE]+))?
        \s*(?:\#.*)?$""",
    re.VERBOSE,
)
_QUOTED = re.compile(r'\s*"((?:\\.|[^"\\])+)"\s*(?:,|$)')
"""How Prometheus 3 begins the labels of a metric whose name is no plain word."""
_LABEL = re.compile(r'\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:\\.|[^"\\])+)")\s*=\s*"((?:\\.|[^"\\])*)"\s*,?\s*')
_ESCAPE = re.compile(r"\\(.)")
_NUMBER = re.compile(r"[-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE)

_MILLISECONDS_FROM = 10**11
"""As seconds this is the year 5138, as milliseconds 1973: a greater timestamp is in milliseconds."""

_BATCH_ROWS = 100_000


def convert_text(
    path: Path, report: Report = refuse, *, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[str, pa.Table]]:
    """Yield ("samples", rows); a line that is no sample with a time is reported and passed over."""
    columns = Columns(SAMPLES, Labels=shared_maps)
    known: dict[str, Pairs] = {}
    for number, line in read_lines(path, report, max_line_bytes=max_line_bytes):
        if line.lstrip().startswith(b"#"):
            continue
        try:
            columns.append(_sample(line, known))
        except (ValueError, ArithmeticError) as error:
            report(UnreadableInput(path, f"is not a metrics sample ({error})", line=number))
        if len(columns) >= _BATCH_ROWS:
            yield "samples", columns.take()
            known.clear()
    if len(columns):
        yield "samples", columns.take()


def looks_like_metrics(head: bytes) -> bool:
    """Whether a file that begins with these bytes is metrics text."""
    line = head.lstrip().split(b"\n", 1)[0]
    if line.startswith(b"#"):
        return line.startswith((b"# TYPE ", b"# HELP ", b"# UNIT ", b"# EOF"))
    match = _SAMPLE.match(line.decode(errors="replace").strip())
    return match is not None and _NUMBER.fullmatch(match["value"]) is not None


def _sample(line: bytes, known: dict[str, Pairs]) -> tuple[int, str, Pairs, float]:
    match = _SAMPLE.match(line.decode().strip())
    if match is None:
        raise ValueError('it should read: name{label="value"} value timestamp')
    name, labels, value, time = match["name"] or "", match["labels"] or "", match["value"], match["time"]
    quoted = None if name else _QUOTED.match(labels)
    if quoted is not None:
        name, labels = _plain(quoted[1]), labels[quoted.end() :]
    if not name:
        raise ValueError("it has no name")
    if time is None:
        raise ValueError("it has no timestamp, and without one a recording cannot place it")
    if labels not in known:
        known[labels] = _labels(labels)
    return _nanos(time), name, known[labels], float(value)


def _nanos(text: str) -> int:
    time = Decimal(text)  # exact, where a float would be some hundred nanoseconds off
    if not 0 <= time < 10**14:
        raise ValueError(f"timestamp {text} is neither seconds nor milliseconds between the years 2000 and 2100")
    return checked_time(int(time * (10**6 if time > _MILLISECONDS_FROM else 10**9)), "timestamp")


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda escaped: "\n" if escaped[1] == "n" else escaped[1], text)


def _labels(text: str) -> Pairs:
    labels: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _LABEL.match(text, position)
        if match is None:
            raise ValueError(f"its labels break off at {text[position : position + 40]!r}")
        # a quoted label is read as Prometheus writes it for who knows no such names, with underscores
        labels[match[1] or re.sub(r"\W", "_", _plain(match[2]), flags=re.ASCII)] = _plain(match[3])
        position = match.end()
    # an empty label is the same as none in Prometheus' data model
    return tuple(sorted((key, value) for key, value in labels.items() if value))
