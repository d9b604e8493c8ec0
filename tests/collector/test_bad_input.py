"""Whatever cannot be read is said in one sentence that names the place; what is good beside it can be used."""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow as pa
import pytest

from epicenter.collector.errors import UnreadableInput, UsageError
from epicenter.collector.recording import open_recording
from epicenter.pipeline import analyze_paths
from tests.collector.handed_over import (
    T0,
    attributes,
    damaged,
    logs_line,
    metrics_line,
    opened,
    otlp_span,
    rows,
    traces_line,
)

GOOD = traces_line(otlp_span())


def packed(text: str, compression: str = "zstd") -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, compression) as stream:
        stream.write(text.encode())
    return sink.getvalue().to_pybytes()


LONG = "".join(f'up{{i="{i}"}} {i * i} {T0 // 10**9}\n' for i in range(9000))
POINT = {"timeUnixNano": "7", "asDouble": 1}

BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "truncated parquet": ("x.parquet", b"PAR1 and then nothing", "x.parquet: is not a whole Parquet file"),
    "empty parquet": ("x.parquet", b"", "x.parquet: is not a whole Parquet file"),
    "binary lines": ("x.jsonl", b"\x00\x01\x02\xff", "x.jsonl, line 1: is not OTLP JSON"),
    "half a line": ("x.jsonl", b'{"resourceSpans": [{"scopeSp', "x.jsonl, line 1: is not OTLP JSON"),
    "another program's lines": ("x.jsonl", b'\n{"hello": 1}', "line 2: has none of resourceSpans"),
    "a number": ("x.jsonl", b"17", "line 1: is not OTLP JSON"),
    "wrong magic": ("x.jsonl.zst", b"not zstd at all", "cannot be read to its end as zstd"),
    "wrong magic of gzip": ("x.jsonl.gz", b"not gzip at all", "cannot be read to its end as gzip"),
    "truncated zstd": ("x.prom.zst", packed(LONG)[:-9], "x.prom.zst: cannot be read to its end as zstd"),
    "truncated frame": ("x.jsonl.zst", struct.pack(">I", 9999) + packed(GOOD)[:-9], "the last frame is cut off"),
    "span in seconds": (
        "x.jsonl",
        traces_line(otlp_span(startTimeUnixNano="1760940000")).encode(),
        "line 1: is not OTLP JSON (startTimeUnixNano 1760940000 is not a time in nanoseconds",
    ),
    "end out of range": ("x.jsonl", traces_line(otlp_span(endTimeUnixNano=2**64)).encode(), "endTimeUnixNano 184467"),
    "span without an id": ("x.jsonl", traces_line({"traceId": "1"}).encode(), "a span has no traceId or no spanId"),
    "log without a time": ("x.jsonl", logs_line({"severityText": "INFO"}).encode(), "line 1: is not OTLP JSON (time"),
    "metric in seconds": ("x.jsonl", metrics_line({"name": "a", "gauge": {"dataPoints": [POINT]}}).encode(), "nano"),
    "metric without a name": ("x.jsonl", metrics_line({"name": "--", "gauge": {}}).encode(), "metric name '--'"),
    "no timestamp": ("x.txt", b'up{job="a"} 1\n', "line 1: is not a metrics sample (it has no timestamp"),
    "time that is no number": ("x.prom", b"up 1 NaN\n", "line 1: is not a metrics sample"),
    "time out of range": ("x.prom", b"up 1 1e99999999\n", "line 1: is not a metrics sample (timestamp 1e99999999"),
    "time before 2000": ("x.prom", b"\nup 1 17\n", "line 2: is not a metrics sample (timestamp 17"),
    "value that is none": ("x.prom", b"up one 1795407354\n", "line 1: is not a metrics sample (could not convert"),
    "labels that break off": ("x.prom", b'up{a="1",=} 1 1795407354\n', "its labels break off"),
    "text that is not UTF-8": ("x.prom", b'up{a="\xff"} 1 1795407354\n', "line 1: is not a metrics sample"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_input_is_one_sentence_that_names_the_place(tmp_path: Path, folder: Path, case: str) -> None:
    name, content, sentence = BAD_FILES[case]
    (folder / name).write_bytes(content)
    with pytest.raises(UnreadableInput) as caught:
        opened(tmp_path / "s", folder)
    assert sentence in str(caught.value)
    assert str(folder / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", BAD_FILES)
def test_with_skip_bad_the_good_file_beside_it_is_used_and_the_bad_one_listed(
    tmp_path: Path, folder: Path, case: str
) -> None:
    name, content, sentence = BAD_FILES[case]
    (folder / name).write_bytes(content)
    (folder / "good.jsonl").write_text(GOOD)
    recording = opened(tmp_path / "s", folder, skip_bad=True)
    assert rows(recording, "select count(*) from spans") == [(1,)]
    assert [sentence in line for line in recording.skipped] == [True]


@pytest.mark.parametrize("column", ["Timestamp", "TraceId", "SpanName", "Duration", "SpanAttributes.key_value.value"])
def test_damaged_pages_behind_a_whole_footer_are_one_sentence_too(folder: Path, column: str) -> None:
    path = damaged(folder / "spans.parquet", column)
    (folder / "good.jsonl").write_text(GOOD)
    with pytest.raises(UnreadableInput) as caught:
        analyze_paths([folder])
    assert str(caught.value).startswith(f"{path}: cannot be read as spans (")
    assert "\n" not in str(caught.value)


def test_with_skip_bad_every_good_file_beside_damaged_pages_is_used(folder: Path) -> None:
    bad = [damaged(folder / "a.parquet", "TraceId"), damaged(folder / "b.parquet", "Duration")]
    (folder / "good.jsonl").write_text(GOOD)
    (folder / "worse.jsonl").write_text("rubbish")
    analysis, windows = analyze_paths([folder], skip_bad=True)
    assert (analysis.recording.spans, windows.calls["attempts"].sum()) == (1, 1)
    listed = [folder / "worse.jsonl", *bad]
    assert [str(path) in line for path, line in zip(listed, analysis.recording.skipped, strict=True)] == [True] * 3


def test_where_all_pages_are_damaged_there_is_nothing_to_analyse(folder: Path) -> None:
    path = damaged(folder / "spans.parquet", "TraceId")
    with pytest.raises(UnreadableInput, match=r"holds no telemetry that can be read .*spans.parquet: cannot be read"):
        analyze_paths([path], skip_bad=True)


def test_good_lines_and_spans_of_a_bad_file_are_used(tmp_path: Path, folder: Path) -> None:
    half = traces_line(otlp_span(spanId="bb" * 8), otlp_span(startTimeUnixNano="1"))
    (folder / "x.jsonl").write_text("\n".join([GOOD, half, "rubbish", traces_line(otlp_span(spanId="cc" * 8))]))
    recording = opened(tmp_path / "s", folder, skip_bad=True)
    assert rows(recording, "select SpanId from spans order by 1") == [("bb" * 8,), ("cc" * 8,), ("eee19b7ec3c1b174",)]
    assert [", line 2:" in recording.skipped[0], ", line 3:" in recording.skipped[1]] == [True, True]


def test_a_refused_metric_leaves_no_trace_in_running_totals(tmp_path: Path, folder: Path) -> None:
    def delta(*points: tuple[int, int]) -> str:
        data = [{"timeUnixNano": str(time), "asInt": value, "attributes": attributes({})} for time, value in points]
        return metrics_line(
            {"name": "x", "sum": {"aggregationTemporality": 1, "dataPoints": data, "isMonotonic": True}}
        )

    (folder / "x.jsonl").write_text("\n".join([delta((T0, 1)), delta((T0 + 1, 100), (5, 1)), delta((T0 + 2, 1))]))
    recording = opened(tmp_path / "s", folder, skip_bad=True)
    assert rows(recording, "select Value from samples order by 1") == [(1.0,), (2.0,)]


def test_what_came_before_a_cut_is_used(tmp_path: Path, folder: Path) -> None:
    (folder / "x.prom.zst").write_bytes(packed(LONG)[:-9])
    recording = opened(tmp_path / "s", folder, folder / "x.prom.zst", skip_bad=True)
    ((count,),) = rows(recording, "select count(*) from samples where Value = 0 or Value > 1")
    assert isinstance(count, int)
    assert count > 100


def test_a_file_of_nothing_but_rubbish_is_told_in_few_sentences(tmp_path: Path, folder: Path) -> None:
    (folder / "x.jsonl").write_text("rubbish\n" * 5000)
    (folder / "good.jsonl").write_text(GOOD)
    recording = opened(tmp_path / "s", folder, skip_bad=True)
    assert len(recording.skipped) == 4
    assert recording.skipped[-1] == f"{folder / 'x.jsonl'}: and 4,997 more of the kind"


def test_an_endless_line_is_refused_and_passed_over_in_bounded_memory(tmp_path: Path, folder: Path) -> None:
    (folder / "x.jsonl").write_bytes(b"x" * 5_000_000 + b"\n" + GOOD.encode() + b"\n" + b"y" * 1001 + b"\n")
    (tmp_path / "s").mkdir()
    with pytest.raises(UnreadableInput, match="line 1: a line may have 1,000 bytes at the most"):
        open_recording([folder], scratch=tmp_path / "s", max_line_bytes=1000)
    recording = open_recording([folder], scratch=tmp_path / "s", max_line_bytes=1000, skip_bad=True)
    assert rows(recording, "select count(*) from spans") == [(1,)]
    assert ["line 1:" in recording.skipped[0], "line 3:" in recording.skipped[1]] == [True, True]


@pytest.mark.parametrize("suffix", ["", ".zst", ".gz"])
def test_compressed_lines_are_read_across_frames_whatever_their_name(tmp_path: Path, folder: Path, suffix: str) -> None:
    kind = "gzip" if suffix == ".gz" else "zstd"
    frames = [packed(traces_line(otlp_span(spanId=span)) + "\n", kind) for span in ("aa" * 8, "bb" * 8)]
    (folder / f"x.jsonl{suffix}").write_bytes(b"".join(frames))
    assert rows(opened(tmp_path / "s", folder), "select SpanId from spans order by 1") == [("aa" * 8,), ("bb" * 8,)]


def test_frames_with_their_length_before_them_as_the_collector_writes_them(tmp_path: Path, folder: Path) -> None:
    frames = [packed(traces_line(otlp_span(spanId=span))) for span in ("aa" * 8, "bb" * 8)]
    (folder / "x.jsonl").write_bytes(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))
    assert rows(opened(tmp_path / "s", folder), "select SpanId from spans order by 1") == [("aa" * 8,), ("bb" * 8,)]


def test_an_empty_folder_and_a_missing_one(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UnreadableInput, match="holds no telemetry that can be read"):
        opened(tmp_path / "s", folder)
    with pytest.raises(UsageError, match="no such file or folder"):
        opened(tmp_path / "s", tmp_path / "nowhere")


def test_samples_without_spans_are_enough(tmp_path: Path, folder: Path) -> None:
    (folder / "m.txt").write_text("up 1 1795407354\nup NaN 1795407355\n")
    recording = opened(tmp_path / "s", folder)
    assert rows(recording, "select count(*), count_if(isnan(Value)) from samples") == [(2, 1)]
    assert rows(recording, "select count(*) from spans") == [(0,)]


def test_a_file_given_twice_or_copied_is_counted_once_and_said(tmp_path: Path, folder: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("up 1 1795407354\n")
    recording = opened(tmp_path / "s", folder, folder / "a.txt")
    assert rows(recording, "select count(*) from samples") == [(1,)]
    assert ["the same bytes" in line for line in recording.ignored] == [True, True]


def test_files_that_are_no_telemetry_are_listed_in_a_folder_and_refused_by_name(tmp_path: Path, folder: Path) -> None:
    others = {"target.json": '{"root_component": "x"}', "labels.json": "[\n1]", "README.txt": "Hello.", "a.csv": "1,2"}
    for name, content in others.items():
        (folder / name).write_text(content)
    (folder / "empty.jsonl").write_text("")
    (folder / "traces.jsonl").write_text(GOOD)
    recording = opened(tmp_path / "s", folder)
    assert len(recording.ignored) == len(others) + 1
    assert recording.skipped == ()
    for name in others:
        with pytest.raises(UnreadableInput, match=f"{name}: is no telemetry"):
            opened(tmp_path / "s", folder / name, folder / "traces.jsonl")


@pytest.mark.parametrize("pack", [False, True])
def test_the_mark_that_editors_put_before_utf_8_is_passed_over(tmp_path: Path, folder: Path, pack: bool) -> None:
    marked = "\ufeff" + GOOD
    (folder / "x.jsonl").write_bytes(packed(marked) if pack else marked.encode())
    (folder / "m.txt").write_text("\ufeffup 1 1795407354\n")
    recording = opened(tmp_path / "s", folder)
    assert rows(recording, "select count(*) from spans union all select count(*) from samples") == [(1,), (1,)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{half", "is no JSON ("),
        (b"\xff\xfe", "is no JSON ("),
        (b'{"schema": "epicenter.recording/1", "rows": 3}', "cannot be read as a recording's manifest"),
        (b'{"name": "extension", "version": 2}', "is another program's"),
        (b"[1]", "is another program's"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_said(tmp_path: Path, folder: Path, content: bytes, said: str) -> None:
    (folder / "manifest.json").write_bytes(content)
    (folder / "traces.jsonl").write_text(GOOD)
    (sentence,) = opened(tmp_path / "s", folder).ignored
    assert sentence.startswith(f"{folder / 'manifest.json'}: {said}")


def test_the_truth_of_a_simulated_world_is_not_used_even_if_it_could_be(tmp_path: Path, folder: Path) -> None:
    (folder / "truth.json").write_text(traces_line(otlp_span(spanId="aa" * 8)))
    (folder / "traces.jsonl").write_text(GOOD)
    recording = opened(tmp_path / "s", folder, folder / "truth.json")
    assert rows(recording, "select SpanId from spans") == [("eee19b7ec3c1b174",)]
    assert recording.ignored == (f"{folder / 'truth.json'}: is never read",)


def test_a_link_to_nothing_is_said(tmp_path: Path, folder: Path) -> None:
    (folder / "x.jsonl").symlink_to(folder / "gone.jsonl")
    with pytest.raises(UnreadableInput, match=r"x.jsonl: is no regular file, or a link to nothing"):
        opened(tmp_path / "s", folder)
