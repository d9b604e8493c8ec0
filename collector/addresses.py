"""Addresses and words of the servers that are asked or told, checked before anything is sent."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from .errors import UsageError


def web_address(url: str, of: str, such_as: str) -> SplitResult:
    """The parts of an http:// or https:// URL; UsageError where it is none. of: whose it is, such as "a Prometheus"."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    except ValueError:  # brackets that do not match, a port that is none
        pass
    raise UsageError(f"{url!r} is no address of {of}, such as {such_as}")


def one_line(value: str, what: str) -> str:
    """The value of a header; UsageError where it would be more than one line."""
    if "\r" in value or "\n" in value:
        raise UsageError(f"{what} must be one line")
    return value
