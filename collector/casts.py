"""One column of a Parquet file -> the model's type: the SQL that makes it, and what its type leaves to be doubted.

A type that can never become the model's is told by the file's footer; of text that should hold numbers or maps, and
of floating-point numbers that should be whole, each row has to be asked. Files of the usual types are asked nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TEXTS = ("VARCHAR", "JSON")
_NUMBERS = ("BIGINT", "DOUBLE")
_FLOATS = ("FLOAT", "DOUBLE")


def wrong_type(wanted: str, found: str) -> str:
    """Why a column of DuckDB's type `found` can never be read as `wanted`; "" where it can."""
    nested = found.startswith(("MAP(", "STRUCT(")) or found.endswith("]")
    if wanted.startswith("MAP") and not found.startswith("MAP(") and found not in (*TEXTS, '"NULL"'):
        return f"is of type {found:.100}, and attributes are read from maps or JSON objects"
    if wanted.endswith("[]") and not (found.startswith("STRUCT(") and found.endswith("[]")) and found != '"NULL"':
        return f"is of type {found:.100}, and events are read from lists of structs"
    if wanted in _NUMBERS and (nested or found in ("BOOLEAN", "BLOB") or found.startswith("TIM")):
        return f"is of type {found:.100}, and must hold numbers"
    return ""


def source_rules(columns: Mapping[str, tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    """Column of the file -> (what a row must fulfil in SQL, how to say that it does not).

    columns: column of the file -> (the model's column, its DuckDB type, the type found).
    """
    rules: dict[str, tuple[str, str]] = {}
    for source, (name, wanted, found) in columns.items():
        column = quoted([source])
        if wanted.startswith("MAP") and found in TEXTS:
            rules[source] = (
                f"coalesce(trim({column}), '') = '' or {_map_of_text(column)} is not null",
                "hold neither a map nor a JSON object",
            )
        elif wanted in _NUMBERS and found == "VARCHAR":
            number = f"try_cast({column} as DOUBLE)"
            finite = f" and isfinite({number})" if name != "Value" else ""
            rules[source] = (f"{column} is null or ({number} is not null{finite})", "hold text that is no number")
        elif name == "Duration" and found in _FLOATS:
            number = number_sql(f"{column}::DOUBLE")
            rules[source] = (f"{column} is null or isfinite({number})", "hold no number (NaN or infinite)")
    return rules


def quoted(names: Iterable[str]) -> str:
    """Column names, as SQL takes them."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def _map_of_text(column: str) -> str:
    """A JSON object in a text column as a map; NULL where the text is none."""
    return f"try_cast(try_cast({column} as JSON) as MAP(VARCHAR, VARCHAR))"


def value_sql(name: str, source: str, found: str, wanted: str) -> str:
    """One column in the model's type; nulls of text and maps become empty, so that no reader needs to care."""
    column = quoted([source])
    if name == "Duration":
        return f"greatest(coalesce(try_cast({column} as BIGINT), 0), 0)"
    if wanted.startswith("MAP") and found in TEXTS:
        return f"coalesce({_map_of_text(column)}, {nothing_sql(wanted)})"
    if wanted == "TIMESTAMP_NS" and found in ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"):
        return f"make_timestamp_ns({column}::BIGINT)"
    if wanted == "DOUBLE":
        return f"coalesce({number_sql(f'{column}::DOUBLE')}, 'NaN'::DOUBLE)"
    if wanted == "BIGINT" and found in _FLOATS:  # whole numbers with gaps, as pandas writes them
        return f"try_cast({column} as BIGINT)"
    if found != wanted:
        column = f"{column}::{wanted}"
    if name in ("SpanKind", "StatusCode"):
        column = _todays_word(column)
    return f"coalesce({column}, {nothing_sql(wanted)})"


def number_sql(value: str) -> str:
    """`value` itself, behind a function that DuckDB knows no bounds of.

    Parquet's statistics leave NaN out, and DuckDB (2.0) concludes from them that isnan() is never true.
    """
    return f"nextafter({value}, {value})"


def _todays_word(column: str) -> str:
    """SPAN_KIND_CLIENT and STATUS_CODE_ERROR, as older exporters have them, in today's words."""
    short = f"regexp_replace({column}, '^(SPAN_KIND|STATUS_CODE)_', '')"
    return (
        f"case when {column} = 'Unspecified' then '' when {column} like 'S%\\_%' escape '\\' "
        f"then replace(upper({short}[1]) || lower({short}[2:]), 'Unspecified', '') else {column} end"
    )


def nothing_sql(sql_type: str) -> str:
    """What stands for a value that is not there."""
    if sql_type == "VARCHAR":
        return "''"
    if sql_type.startswith("MAP"):
        return f"MAP {{}}::{sql_type}"
    return f"[]::{sql_type}" if sql_type.endswith("[]") else f"NULL::{sql_type}"
