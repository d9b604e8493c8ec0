"""`backtest.schema.json`: the backtest as a JSON Schema (draft 2020-12), made from its dataclasses.

Run ``python -m epicenter.rules.schema`` after a change of them.
"""

from __future__ import annotations

from pathlib import Path

from ..collector.schemas import schema_of
from .totals import SCHEMA, Report

PATH = Path(__file__).with_name("backtest.schema.json")


def schema_json() -> str:
    """The schema as the file holds it."""
    return schema_of(Report, SCHEMA)


if __name__ == "__main__":
    PATH.write_text(schema_json(), encoding="utf-8")
