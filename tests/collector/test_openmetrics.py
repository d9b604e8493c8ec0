"""Metrics text with timestamps, strict and less strict, becomes samples."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from epicenter.collector.openmetrics import convert_text
from tests.collector.handed_over import read
from tests.fuzzing import fuzzed

QUERY = "select Name, Labels, Value, epoch_ns(Timestamp) from samples order by Timestamp, Name"
MS = 1_795_407_354_411_000_000


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('rrs{instance="a.b",job="dns"} 0 1795407354.411', ("rrs", {"instance": "a.b", "job": "dns"}, 0.0, MS)),
        ("up 1 1795407354411", ("up", {}, 1.0, MS)),
        ("up{} +Inf 1795407354", ("up", {}, math.inf, 1_795_407_354 * 10**9)),
        ("up 1e3 1.795407354411123456e9", ("up", {}, 1000.0, 1_795_407_354_411_123_456)),
        ('x{p="/a\\"},{b \\\\ \\n#"} 3e2 1795407354411 # {t="x"} 1', ("x", {"p": '/a"},{b \\ \n#'}, 300.0, MS)),
        ('x{b="2", a="1" , empty="",} 1 1795407354.411', ("x", {"a": "1", "b": "2"}, 1.0, MS)),
        ('  job:up:sum\t{a="1"}\t7\t1795407354.411  ', ("job:up:sum", {"a": "1"}, 7.0, MS)),
        ('{"a.b_count",i="x"} 1 1795407354.411', ("a.b_count", {"i": "x"}, 1.0, MS)),
        ('{"a b\\"", "k.l"="v"} 1 1795407354.411', ('a b"', {"k_l": "v"}, 1.0, MS)),
        ('{"up"} 1 1795407354.411', ("up", {}, 1.0, MS)),
    ],
)  # fmt: skip
def test_lines_of_both_formats(tmp_path: Path, line: str, row: object) -> None:
    assert read(tmp_path, "m.prom", line, QUERY) == [row]


def test_a_recorders_file_in_which_series_interleave_and_nothing_says_eof(tmp_path: Path) -> None:
    lines = ["# TYPE up gauge", "# HELP up Is it there.", 'up{i="a"} 1 1795407354', 'up{i="b"} 1 1795407354']
    lines += ["# TYPE down gauge", "down 0 1795407354", 'up{i="a"} NaN 1795407359', "", 'up{i="b"} 0 1795407359']
    found = read(tmp_path, "metrics.txt", lines, "select count(*), count_if(isnan(Value)) from samples")
    assert found == [(5, 1)]


LABELS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,4}", fullmatch=True), st.text(min_size=1, max_size=6), max_size=3
)
VALUES = st.floats(allow_nan=False) | st.integers(0, 2**53).map(float)
TIMES = st.integers(1_000_000_000_000, 2_000_000_000_000)


@given(LABELS, VALUES, TIMES)
@fuzzed(200)
def test_a_sample_is_read_as_the_official_library_reads_it(
    tmp_path_factory: pytest.TempPathFactory, labels: dict[str, str], value: float, ms: int
) -> None:
    escaped = {key: text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") for key, text in labels.items()}
    inside = ",".join(f'{key}="{text}"' for key, text in escaped.items())
    content = f"# TYPE depth gauge\ndepth{{{inside}}} {value} {ms / 1000:.3f}\n# EOF\n"
    path = tmp_path_factory.getbasetemp() / "any.prom"
    path.write_text(content, encoding="utf-8", newline="")
    ((family,),) = [list(text_string_to_metric_families(content))]
    (ours,) = [row for _, table in convert_text(path) for row in table.to_pylist()]
    (theirs,) = family.samples
    assert (ours["Name"], dict(ours["Labels"]), ours["Value"]) == (theirs.name, theirs.labels, theirs.value)
    assert ours["Timestamp"].value == ms * 10**6
