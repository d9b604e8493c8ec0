"""`analysis.schema.json`: the analysis as a JSON Schema (draft 2020-12), made from its structs.

Run ``python -m epicenter.detectors.schema`` after a change of `analysis.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from .analysis import SCHEMA, Analysis

PATH = Path(__file__).with_name("analysis.schema.json")


def schema_json() -> str:
    """The schema as the file holds it: indented, keys in the order of the structs, one newline at the end."""
    (reference,), components = msgspec.json.schema_components((Analysis,), ref_template="#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": SCHEMA,
        **reference,
        "$defs": components,
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_json(), encoding="utf-8")
