"""`analysis.schema.json`: the analysis as a JSON Schema (draft 2020-12), made from its structs.

Run ``python -m epicenter.detectors.schema`` after a change of `analysis.py`.
"""

from __future__ import annotations

from pathlib import Path

from ..collector.schemas import schema_of
from .analysis import SCHEMA, Analysis

PATH = Path(__file__).with_name("analysis.schema.json")


def schema_json() -> str:
    """The schema as the file holds it."""
    return schema_of(Analysis, SCHEMA)


if __name__ == "__main__":
    PATH.write_text(schema_json(), encoding="utf-8")
