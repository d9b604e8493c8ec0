"""Times, lengths of time, numbers and names as people read them; nothing from telemetry gets through unchecked."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime


def plain(text: str) -> str:
    """The text without control and direction-changing characters, which could rewrite a terminal or a page."""
    return "".join(" " if c in "\t\n\r" else c if _shows(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _shows(character: str) -> bool:
    # Cc holds escape sequences; Cs cannot be encoded; the bidirectional marks reorder what is around them.
    return (
        unicodedata.category(character) not in ("Cc", "Cs")
        and character not in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def elide(text: str, length: int) -> str:
    """At most `length` characters, cut in the middle: both ends of a host name tell hosts apart."""
    text = plain(text)
    if len(text) <= length:
        return text
    head = (length - 2) // 2
    return f"{text[:head]}..{text[len(text) - (length - 2 - head) :]}"


def utc(time: float) -> str:
    """RFC 3339 with a space: 2025-10-20 06:48:00Z."""
    return _moment(time).strftime("%Y-%m-%d %H:%M:%SZ")


def iso(time: float) -> str:
    """RFC 3339, for machines: 2025-10-20T06:48:00Z."""
    return _moment(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(time: float) -> str:
    """Hour and minute in UTC: 06:48Z."""
    return _moment(time).strftime("%H:%MZ")


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def span(seconds: float) -> str:
    """A length of time in its two greatest units: 45 s, 3 min, 2 h 37 min, 1 d 4 h."""
    whole = round(abs(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return _two(whole // 60, "min", whole % 60, "s")
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 1440:
        return _two(minutes // 60, "h", minutes % 60, "min")
    return _two(minutes // 1440, "d", minutes % 1440 // 60, "h")


def _two(great: int, unit: str, small: int, small_unit: str) -> str:
    return f"{great} {unit} {small} {small_unit}" if small else f"{great} {unit}"


def offset(seconds: float) -> str:
    """Time since the trigger, signed: +3 min."""
    return f"{'-' if round(seconds) < 0 else '+'}{span(seconds)}"


def percent(share: float) -> str:
    """A share in 0..1, rounded down, so that only certainty reads as 100 %."""
    return f"{math.floor(share * 100 + 1e-9)} %" if math.isfinite(share) else "unknown"


def number(value: float) -> str:
    """A number with as many digits as matter, thousands apart."""
    if not math.isfinite(value):
        return "unknown"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def counted(count: float, one: str, many: str | None = None) -> str:
    """`1 span`, `1,200 spans`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def listed(names: Iterable[str], most: int) -> str:
    """`a, b, c and 4 more`."""
    shown = [plain(name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def times(started_at: float, ended_at: float | None) -> str:
    """`06:48Z - 09:25Z`, or `06:48Z - ...` for what had not ended by the end of the data."""
    ended = "..." if ended_at is None else iso(ended_at)[11:]
    began = iso(started_at)[11:]
    if all(time.endswith((":00Z", "...")) for time in (began, ended)):
        began, ended = began.replace(":00Z", "Z"), ended.replace(":00Z", "Z")
    return f"{began} - {ended}"


def compact(seconds: float) -> str:
    """Time since the trigger for tight places: +3m, +7h16m, +1d4h."""
    return re.sub(r"(\d+) (d|h|m|s)(in)? ?", r"\1\2", offset(seconds))
