"""`epicenter simulate` as a person meets it: what it writes, and what it says of what it cannot do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from epicenter.cli import cli
from epicenter.collector.errors import UsageError


def simulate(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["simulate", "cache-loss", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--seed", "abc"), "--seed abc: a seed is a whole number, 0 or above"),
        (("--seed", "-1"), "--seed -1: a seed is a whole number, 0 or above"),
        (("--seed", "1.5"), "--seed 1.5: a seed is a whole number, 0 or above"),
        (("--spans-per-second", "0"), "--spans-per-second 0: it is a number above 0 and not above 1,000,000"),
        (("--spans-per-second", "1e9"), "--spans-per-second 1e9: it is a number above 0 and not above 1,000,000"),
        (("--spans-per-second", "nan"), "--spans-per-second nan: it is a number above 0 and not above 1,000,000"),
        (("--spans-per-second", "many"), "--spans-per-second many: it is a number above 0 and not above 1,000,000"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range(
    tmp_path: Path, arguments: tuple[str, str], sentence: str
) -> None:
    result = simulate("--out", tmp_path / "r", *arguments)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--format", "--changes"])
def test_a_choice_that_there_is_not_is_answered_with_those_that_there_are(tmp_path: Path, option: str) -> None:
    result = simulate("--out", tmp_path / "r", option, "csv")
    assert result.exit_code == 2
    assert ("'otlp-json'" if option == "--format" else "'cloudtrail'") in result.output


def test_it_tells_what_it_wrote_whatever_the_format(tmp_path: Path) -> None:
    options = ("--spans-per-second", "0.2", "--format", "otlp-json", "--changes", "cloudtrail")
    result = simulate("--out", tmp_path / "r", *options)
    assert result.exit_code == 0, result.output
    files = {"traces.jsonl", "metrics.jsonl", "logs.jsonl", "cloudtrail.json", "truth.json", "manifest.json"}
    assert {path.name for path in (tmp_path / "r").iterdir()} == files
    said = re.fullmatch(r"\S+: 1.5 hours of \S+, ([0-9,]+) spans, ([0-9,]+) samples, 5 changes\n", result.output)
    assert said is not None, result.output
    assert [number != "0" for number in said.groups()] == [True, True]
