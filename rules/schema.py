"""`backtest.schema.json` and `coverage.schema.json`: what `--json` writes as JSON Schemas (draft 2020-12).

Both are made from dataclasses: run ``python -m epicenter.rules.schema`` after a change of them.
"""

from __future__ import annotations

from pathlib import Path

from ..collector.schemas import schema_of
from . import gaps, totals

BACKTEST, COVERAGE = (Path(__file__).with_name(f"{name}.schema.json") for name in ("backtest", "coverage"))


def schemas() -> dict[Path, str]:
    """Each schema as its file holds it."""
    return {
        BACKTEST: schema_of(totals.Report, totals.SCHEMA),
        COVERAGE: schema_of(gaps.GapsReport, gaps.SCHEMA),
    }


if __name__ == "__main__":
    for path, content in schemas().items():
        path.write_text(content, encoding="utf-8")
