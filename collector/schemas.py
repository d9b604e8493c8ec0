"""A document of ours as a JSON Schema (draft 2020-12), made from its structs or dataclasses."""

from __future__ import annotations

import json

import msgspec


def schema_of(document: type, name: str) -> str:
    """The schema as its file holds it: indented, keys in the order of the fields, one newline at the end."""
    (reference,), components = msgspec.json.schema_components((document,), ref_template="#/$defs/{name}")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('/', ':')}",
        "title": name,
        **reference,
        "$defs": components,
    }
    return json.dumps(schema, indent=2) + "\n"
