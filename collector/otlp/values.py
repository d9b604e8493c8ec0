"""OTLP attribute values as text, in the words of the Collector's ClickHouse exporter.

Numbers as Go writes them, arrays and maps as JSON, bytes in base64.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from ..columns import Pairs
from .messages import AnyValue, KeyValue, Resource


def text(value: AnyValue | None) -> str:
    """One value; no value is the empty text."""
    if value is None:
        return ""
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return str(value.int_value)
    if value.bool_value is not None:
        return "true" if value.bool_value else "false"
    if value.double_value is not None:
        return number_text(value.double_value)
    if value.array_value is not None:
        return msgspec.json.encode(_plain({"arrayValue": value.array_value}), order="sorted").decode()
    if value.kvlist_value is not None:
        return msgspec.json.encode(_plain({"kvlistValue": value.kvlist_value}), order="sorted").decode()
    return value.bytes_value or ""


def number_text(number: float) -> str:
    """A double as Go's JSON writes it: whole numbers without a fraction."""
    if math.isfinite(number) and number == int(number) and abs(number) < 1e21:
        return str(int(number))
    return str(number)


MAX_DEPTH = 64
"""Arrays and maps in each other; protobuf's decoders stop at about 50."""


def _plain(value: Any, depth: int = 0) -> Any:
    """An AnyValue in its JSON form -> the plain value it stands for; ValueError where it is none."""
    if depth > MAX_DEPTH:
        raise ValueError(f"an attribute's value has more than {MAX_DEPTH} arrays and maps in each other")
    try:
        for kind, inner in value.items():
            if inner is None:
                continue
            if kind == "arrayValue":
                return [_plain(item, depth + 1) for item in inner.get("values", ())]
            if kind == "kvlistValue":
                items = inner.get("values", ())
                return {str(item.get("key", "")): _plain(item.get("value", {}), depth + 1) for item in items}
            return int(inner) if kind == "intValue" else inner
    except (AttributeError, TypeError) as error:
        raise ValueError(f"an attribute's value is no OTLP value: {value!r:.100}") from error
    return None


def pairs(attributes: list[KeyValue]) -> Pairs:
    """Attributes as the entries of a map; of a key that comes twice, against the rule, the last counts."""
    entries = tuple(
        [
            (item.key, value.string_value)
            if (value := item.value) is not None and value.string_value is not None  # nearly all are text
            else (item.key, text(value))
            for item in attributes
        ]
    )
    by_key = dict(entries)
    return entries if len(by_key) == len(entries) else tuple(by_key.items())


def resource_of(resource: Resource | None) -> tuple[Pairs, str]:
    """A resource's attributes and its service.name ("" where it has none)."""
    attributes = pairs(resource.attributes) if resource is not None else ()
    return attributes, dict(attributes).get("service.name", "")
