"""Numbers as people type them, refused with the rule that they broke."""

from __future__ import annotations

import math

import click

from ..collector.errors import UsageError

MOST_SPANS_PER_SECOND = 1_000_000.0


class SeedParameter(click.ParamType[int]):
    """The seed of a world."""

    name = "seed"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The whole number; UsageError where the text is none, or below 0."""
        try:
            seed = int(value)
        except ValueError:
            seed = -1
        if seed < 0:
            raise UsageError(f"--seed {value}: a seed is a whole number, 0 or above")
        return seed


class RateParameter(click.ParamType[float]):
    """Spans a second."""

    name = "rate"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; UsageError where the text is none, or out of range."""
        try:
            rate = float(value)
        except ValueError:
            rate = 0.0
        if not 0 < rate <= MOST_SPANS_PER_SECOND:
            highest = f"{MOST_SPANS_PER_SECOND:,.0f}"
            raise UsageError(f"--spans-per-second {value}: it is a number above 0 and not above {highest}")
        return rate


class PositiveNumber(click.ParamType[float]):
    """A number greater than 0 and finite: click's own range lets "nan" and "inf" through."""

    name = "number"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error where it is none."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            self.fail(f"{value!r} is no number greater than 0", param, ctx)
        return number
