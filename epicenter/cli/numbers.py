"""Numbers as people type them."""

from __future__ import annotations

import math

import click


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
