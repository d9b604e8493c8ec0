"""Columns -> JSON text, a whole column at a time: what repeats is encoded once, the rest is joined by Arrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

_compute: Any = pyarrow.compute
"""Its functions are made at run time, where no type checker sees them."""

Column = Any
Ints = NDArray[np.int64]

_INTEGER = r"^(?:0|-?[1-9][0-9]{0,17})$"
_INTEGER_KEYS = (
    "http.request.resend_count",
    "http.response.status_code",
    "http.status_code",
    "net.host.port",
    "net.peer.port",
    "retry_attempts",
    "rpc.grpc.status_code",
    "server.port",
)
"""Attributes that OpenTelemetry's conventions and instrumentations give as whole numbers."""


def flat(column: Column) -> Any:
    """The column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def joined(*parts: Column | str, between: str = "") -> Any:
    """Text of each row: columns of text and constants put together in order."""
    return _compute.binary_join_element_wise(*parts, between)


def gathered(offsets: Any, texts: Any) -> Any:
    """The texts of each list, from an offset to the next, with commas between them."""
    return _compute.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts), ",")


def quoted(texts: Column) -> Any:
    """Each text as a JSON string."""
    return looked_up(texts, quote)


def quote(text: str) -> str:
    """One text as a JSON string."""
    return msgspec.json.encode(text).decode()


def looked_up(texts: Column, translate: Callable[[str], str]) -> Any:
    """Each text translated, every distinct one once."""
    coded = flat(texts).dictionary_encode()
    return pa.array([translate(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def decimals(numbers: Column | Ints) -> Any:
    """64-bit integers as text, as the protocol writes them in JSON (the quotes not included)."""
    array = pa.array(numbers) if isinstance(numbers, np.ndarray) else numbers
    return array.cast(pa.int64()).cast(pa.string())


def attribute_lists(maps: Column) -> Any:
    """A column of maps -> the inside of each one's OTLP attribute list."""
    column = flat(maps)
    keys, values = column.keys.dictionary_encode(), column.items.dictionary_encode()
    names: list[str] = keys.dictionary.to_pylist()
    kinds = [f'{{"key":{quote(name)},"value":{{"{kind}":' for kind in ("stringValue", "intValue") for name in names]
    as_integer = np.array([name in _INTEGER_KEYS for name in names], np.bool_)
    integers = _compute.match_substring_regex(values.dictionary, _INTEGER).to_numpy(zero_copy_only=False)
    key, value = keys.indices.to_numpy(), values.indices.to_numpy()
    kind = key + len(names) * (as_integer[key] & integers[value])
    contents = pa.array([quote(text) for text in values.dictionary.to_pylist()], pa.string()).take(values.indices)
    entries = joined(pa.array(kinds, pa.string()).take(pa.array(kind)), contents, "}}")
    return gathered(column.offsets, entries)


def attributes(values: Sequence[tuple[str, str]]) -> str:
    """One list of attributes that are text."""
    return ",".join(f'{{"key":{quote(key)},"value":{{"stringValue":{quote(value)}}}}}' for key, value in values)
