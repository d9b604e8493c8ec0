"""Options of the commands that simulate a world: how it is drawn, and how it tells of itself."""

from __future__ import annotations

import click

from .numbers import RateParameter, SeedParameter

MIXES = ("default", "otel-new", "otel-old", "mesh", "kubernetes", "aws", "drawn")
"""The names in `synthetic.telemetry.mix.MIXES`, and one more: a mix drawn by the seed."""

seed = click.option("--seed", type=SeedParameter(), default=0, show_default=True, help="Seed of the world.")
spans_per_second = click.option(
    "--spans-per-second",
    type=RateParameter(),
    default=20.0,
    show_default=True,
    help="Sampled spans per second of the world, on average.",
)
mix = click.option(
    "--mix",
    type=click.Choice(MIXES),
    default="default",
    show_default=True,
    help="In whose dialects spans and metrics are told; drawn: as the seed will have it.",
)
