"""The command line as a person meets it: sentences, exit codes, output that can be piped on."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from epicenter.cli.times import parse_time
from epicenter.collector.model import SPANS
from tests.collector.handed_over import damaged
from tests.epicenter.conftest import Run

T0 = 1_760_940_000


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    """Two minutes of one service that answers."""
    spans = [
        {
            "traceId": f"{i:032x}",
            "spanId": f"{i:016x}",
            "name": "GET /",
            "kind": 2,
            "startTimeUnixNano": str((T0 + i) * 10**9),
            "endTimeUnixNano": str((T0 + i) * 10**9 + 20_000_000),
        }
        for i in range(1, 121)
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    line = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    folder = tmp_path / "calm"
    folder.mkdir()
    (folder / "traces.jsonl").write_text(json.dumps(line))
    return folder


def test_nothing_wrong_is_one_clear_sentence(run: Run, calm: Path) -> None:
    code, out, err = run("analyze", calm)
    assert (code, err) == (0, "")
    assert out.startswith("No incident")


def test_json_on_standard_output_is_only_json(run: Run, calm: Path) -> None:
    code, out, _ = run("analyze", calm, "--json", "-")
    analysis = json.loads(out)
    assert code == 0
    assert analysis["schema"] == "epicenter.analysis/1"
    assert analysis["incidents"] == []
    assert analysis["recording"]["spans"] == 120


def test_json_and_html_go_to_files(run: Run, calm: Path, tmp_path: Path) -> None:
    run("analyze", calm, "--json", tmp_path / "a.json", "--html", tmp_path / "a.html")
    assert json.loads((tmp_path / "a.json").read_text())["recording"]["services"] == 1
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"\x00\x01", "line 1: is not OTLP JSON"), (b'{"a": 1}', "line 1: has none of resourceSpans")],
)
def test_unreadable_input_is_one_sentence_and_exit_code_2(run: Run, calm: Path, content: bytes, sentence: str) -> None:
    (calm / "bad.jsonl").write_bytes(content)
    code, out, err = run("analyze", calm)
    assert (code, out) == (2, "")
    assert err.startswith("epicenter: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_damaged_pages_are_one_sentence_and_exit_code_2(run: Run, calm: Path) -> None:
    damaged(calm / "spans.parquet", "TraceId")
    code, out, err = run("analyze", calm)
    assert (code, out) == (2, "")
    assert err.startswith(f"epicenter: {calm / 'spans.parquet'}: cannot be read as spans (")
    assert err.count("\n") == 1


def test_skip_bad_uses_the_rest_and_lists_what_was_skipped(run: Run, calm: Path) -> None:
    (calm / "bad.jsonl").write_text("rubbish")
    code, out, _ = run("analyze", calm, "--skip-bad", "--json", "-")
    analysis = json.loads(out)
    assert code == 0
    assert analysis["recording"]["spans"] == 120
    assert [str(calm / "bad.jsonl") in line for line in analysis["recording"]["skipped"]] == [True]


def test_a_copy_and_a_file_that_is_no_telemetry_are_listed_too(run: Run, calm: Path) -> None:
    (calm / "copy.jsonl").write_bytes((calm / "traces.jsonl").read_bytes())
    (calm / "notes.md").write_text("Hello.")
    code, out, _ = run("analyze", calm)
    listed = "".join(out.partition("Skipped, not looked at")[2].split())
    assert code == 0
    assert "traces.jsonl:holdsthesamebytesas" in listed
    assert "notes.md:isnotelemetry" in listed


def test_every_bad_file_is_named_though_one_is_full_of_rubbish(run: Run, calm: Path) -> None:
    (calm / "a.jsonl").write_text("rubbish\n" * 50)
    for name in "bcdef":
        (calm / f"{name}.parquet").write_text(name)
    _, out, _ = run("analyze", calm, "--skip-bad")
    listed = "".join(out.partition("Skipped, not looked at")[2].split())
    assert all(f"{name}.parquet:isnotawholeParquetfile" in listed for name in "bcdef")


def test_an_empty_table_is_no_calm_recording(run: Run, tmp_path: Path) -> None:
    pq.write_table(SPANS.empty_table(), tmp_path / "empty.parquet")
    code, out, err = run("analyze", tmp_path / "empty.parquet")
    assert (code, out) == (2, "")
    assert "empty.parquet: holds no spans" in err


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_where_a_result_cannot_be_written_is_said_before_the_work(run: Run, tmp_path: Path, option: str) -> None:
    for target, rule in ((tmp_path, "is a folder"), (tmp_path / "no" / "x", "there is no folder")):
        code, out, err = run("analyze", "/no/such/recording", option, target)
        assert (code, out) == (2, "")
        assert err.startswith(f"epicenter: {target}: {rule}")


def test_a_file_in_the_way_of_the_demo_is_one_sentence(run: Run, calm: Path) -> None:
    code, _, err = run("demo", "--out", calm / "traces.jsonl")
    assert (code, err) == (2, f"epicenter: {calm / 'traces.jsonl'}: file exists\n")


def test_a_moment_outside_of_the_data_is_said_in_times_that_can_be_read(run: Run, calm: Path) -> None:
    code, _, err = run("analyze", calm, "--at", "2024-10-20 06:00")
    assert code == 2
    assert "--at 2024-10-20 06:00:00Z lies outside of the data, which runs from 2025-10-20 06:00:00Z to" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("emit", "aws-dynamodb-2025", "--speed", "nan"),
        ("emit", "aws-dynamodb-2025", "--speed", "inf"),
        ("emit", "aws-dynamodb-2025", "--otlp", "127.0.0.1:4317"),
        ("emit", "aws-dynamodb-2025", "--otlp", "grpc://127.0.0.1:4317", "--protocol", "http/protobuf"),
        ("simulate", "aws-dynamodb-2025", "--out", "x", "--spans-per-second", "nan"),
        ("simulate", "aws-dynamodb-2025", "--out", "x", "--spans-per-second", "0"),
        ("analyze", "/no/such/folder"),
        ("analyze",),
        ("analyse", "x"),
        ("analyze", "x", "--at", "yesterday"),
        ("simulate", "no-such-world", "--out", "x"),
    ],
)
def test_bad_usage_is_exit_code_2_and_no_traceback(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert "Traceback" not in err


def test_the_worlds_are_listed(run: Run) -> None:
    code, out, _ = run("scenarios", "--json")
    assert code == 0
    assert "aws-dynamodb-2025" in [world["name"] for world in json.loads(out)]


@pytest.mark.parametrize("text", ["2022-08-22 04:35:17", "2022-08-22T06:35:17+02:00", "1661142917"])
def test_a_time_can_be_written_in_the_usual_ways(text: str) -> None:
    assert parse_time(text) == 1661142917.0


def test_a_bug_is_shown_as_one(run: Run, monkeypatch: pytest.MonkeyPatch, calm: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("epicenter.pipeline.analyze_paths", broken)
    with pytest.raises(ZeroDivisionError):
        run("analyze", calm)
