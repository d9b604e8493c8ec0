"""Numbers and texts as Go and the functions of Prometheus' templates print them (template.go of 2.42)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal

_EXPONENTS = range(-4, 6)
"""Go prints others with an exponent."""
_LARGE, _SMALL = "kMGTPEZY", "munpfazy"
_FIRST_LETTER = re.compile(r"(?<!\w)[^\W\d_]")
_GROUP = re.compile(r"\$(?:\$|(\w+)|{(\w+)})", re.ASCII)


def number(value: float) -> str:
    """As Go prints it.

    >>> number(0.1), number(3.0), number(1234567.0), number(float("inf"))
    ('0.1', '3', '1.234567e+06', '+Inf')
    """
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    exact = Decimal(repr(value))
    if exact.adjusted() in _EXPONENTS or not value:
        return f"{exact:f}".removesuffix(".0")
    mantissa = f"{exact.scaleb(-exact.adjusted()).normalize():f}"
    return f"{mantissa}e{exact.adjusted():+03d}"


def humanize(value: float) -> str:
    """With a metric prefix: 1234567.0 is 1.235M."""
    if abs(value) >= 1 or value == 0 or not math.isfinite(value):
        return _scaled(value, 1000, _LARGE)
    return _shrunk(value)


def humanize_1024(value: float) -> str:
    """With a binary prefix: 2048.0 is 2ki."""
    return _scaled(value, 1024, [f"{prefix}i" for prefix in _LARGE])


def humanize_percentage(value: float) -> str:
    """A share: 0.1234567 is 12.35%."""
    return f"{_four(value * 100)}%"


def humanize_duration(value: float) -> str:
    """Seconds: 90061.0 is 1d 1h 1m 1s."""
    if not math.isfinite(value):
        return _four(value)
    if value == 0:
        return "0s"
    if abs(value) < 1:
        return f"{_shrunk(value)}s"
    minutes, seconds = divmod(int(abs(value)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    sign = "-" if value < 0 else ""
    parts = [f"{days}d", f"{hours}h", f"{minutes}m", f"{seconds}s"]
    first = next((place for place, part in enumerate((days, hours, minutes)) if part), None)
    return f"{sign}{_four(abs(value))}s" if first is None else sign + " ".join(parts[first:])


def title(text: str) -> str:
    """With a capital for each word."""
    return _FIRST_LETTER.sub(lambda found: found[0].upper(), text)


def replaced(pattern: re.Pattern[str], by: str, text: str) -> str:
    """Every match replaced, `$1` and `${name}` standing for what a group has; as Go's ReplaceAllString."""
    made, last, ended = "", 0, -1
    for found in pattern.finditer(text):
        if found.end() == found.start() == ended:  # nothing, right behind a match, is none to Go
            continue
        made += text[last : found.start()] + _GROUP.sub(lambda group, found=found: _of_group(found, group), by)
        last = ended = found.end()
    return made + text[last:]


def _of_group(found: re.Match[str], group: re.Match[str]) -> str:
    name = group[1] or group[2]
    if name is None:
        return "$"
    if name.isdecimal():
        return (found[int(name)] or "") if int(name) <= found.re.groups else ""
    return found.groupdict().get(name) or ""


def _four(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else number(value)


def _scaled(value: float, base: int, prefixes: Sequence[str]) -> str:
    prefix = ""
    for following in prefixes:
        if not base <= abs(value) < math.inf:
            break
        prefix, value = following, value / base
    return f"{_four(value)}{prefix}"


def _shrunk(value: float) -> str:
    prefix = ""
    for following in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = following, value * 1000
    return f"{_four(value)}{prefix}"
