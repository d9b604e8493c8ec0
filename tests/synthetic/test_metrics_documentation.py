"""docs/metrics.md and docs/metrics-for-rules.md tell each metric that a dialect writes, with its kind and labels."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from epicenter.collector.concepts import concepts_of
from epicenter.synthetic.telemetry.metrics import DIALECTS, FOR_RULES, families
from epicenter.synthetic.telemetry.mix import DEFAULT, MIXES, drawn_mix

from .dialects import EVERY_S, rich_history

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "metrics.md").read_text(encoding="utf-8")
FOR_RULES_PAGE = (DOCS / "metrics-for-rules.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|([^|]*)\| *(\S[^|]*?) *\|$", re.MULTILINE)


def sections() -> dict[str, str]:
    """Dialect -> its part of the pages."""
    return {**_sections(PAGE), **_sections(FOR_RULES_PAGE)}


def _sections(page: str) -> dict[str, str]:
    parts = re.split(r"^## `([\w-]+)`$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@cache
def told(dialect: str) -> dict[str, tuple[str, frozenset[str]]]:
    return {
        family.name: (family.kind, frozenset(label for series in family.series for label in series.labels) - {"le"})
        for family in families(rich_history(), EVERY_S, (dialect,))
    }


def test_the_pages_have_the_registry_s_dialects_in_its_order() -> None:
    assert list(sections()) == list(DIALECTS)
    assert tuple(_sections(FOR_RULES_PAGE)) == FOR_RULES


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_documented_metrics_are_those_written(dialect: str) -> None:
    rows = ROW.findall(sections()[dialect])
    documented = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}
    # `cluster` is `kube` and more, and says it once
    again = told("kube").items() if dialect == "cluster" else ()
    assert documented == dict(told(dialect).items() - again)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_family_has_a_help_text_that_is_a_sentence(dialect: str) -> None:
    for family in families(rich_history(), EVERY_S, (dialect,)):
        assert re.fullmatch(r"[A-Z].+\.", family.help), family.name


def test_the_page_names_the_default_estate() -> None:
    listed = re.search(r"default an estate has (.*?)\. Values", PAGE, re.DOTALL)
    assert listed is not None
    assert tuple(re.findall(r"`([\w-]+)`", listed[1])) == DEFAULT.metrics


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name not in FOR_RULES])
def test_each_dialect_says_something_that_detectors_understand(dialect: str) -> None:
    ends = ("", "_count")
    assert any(concepts_of(name + end) for name in told(dialect) for end in ends), dialect


def test_no_recording_carries_what_only_rules_read() -> None:
    mixes = [*MIXES.values(), *(drawn_mix(seed) for seed in range(50))]
    assert not {name for mix in mixes for name in mix.metrics} & set(FOR_RULES)
