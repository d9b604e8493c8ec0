"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from ..collector.errors import UsageError


class TimeParameter(click.ParamType[float]):
    """A moment: Unix seconds, or ISO 8601 ("2022-08-22 04:35:17", UTC where no offset is given)."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Unix seconds; UsageError where the text is no time."""
        return parse_time(value)


def parse_time(text: str) -> float:
    """Unix seconds of a moment in words.

    >>> parse_time("2022-08-22 04:35:17")
    1661142917.0
    """
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        example = "such as '2025-10-20 06:48:00', '2025-10-20T06:48:00+02:00' or Unix seconds"
        raise UsageError(f"{text!r} is no time: give one {example}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
