"""A recording comes back as it was written, whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epicenter.collector.errors import UnreadableInput, UsageError
from epicenter.collector.model import TABLES
from epicenter.collector.recording import RecordingWriter, summarize
from tests.collector.handed_over import T0, opened, otlp_span, rows, traces_line

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
TIME = st.integers(T0, T0 + 10**15)
MAP = st.dictionaries(TEXT, TEXT, max_size=2).map(lambda found: sorted(found.items()))
ID = st.text("0123456789abcdef", min_size=1, max_size=4)
EVENT = st.fixed_dictionaries({"Timestamp": TIME, "Name": TEXT, "Attributes": MAP})
BY_TYPE = {pa.string(): TEXT, pa.int64(): st.integers(0, 2**62), pa.float64(): st.floats(allow_nan=False)}
BY_NAME = {"TraceId": ID, "SpanId": ID, "Events": st.lists(EVENT, max_size=2), "Timestamp": TIME}


def column(field: pa.Field) -> st.SearchStrategy[object]:
    if field.name in BY_NAME:
        return BY_NAME[field.name]
    found: st.SearchStrategy[object] = BY_TYPE.get(field.type, MAP)
    return st.none() | found if field.name in ("Generation", "Answers") else found


def tables(schema: pa.Schema) -> st.SearchStrategy[pa.Table]:
    row = st.fixed_dictionaries({field.name: column(field) for field in schema})
    return st.lists(row, max_size=9).map(lambda found: pa.Table.from_pylist(found, schema=schema))


@given(st.fixed_dictionaries({name: tables(schema) for name, schema in TABLES.items()}), st.integers(1, 4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tables_come_back_as_they_were_written(written: dict[str, pa.Table], group_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r"
        with RecordingWriter(path, group_rows=group_rows) as writer:
            for name, table in written.items():
                writer.write(name, table)
        if not any(table.num_rows for table in written.values()):
            return
        with opened(Path(folder) / "scratch", path).connect() as connection:
            for name, schema in TABLES.items():
                found = connection.sql(f"from {name}").to_arrow_table()
                assert found.schema.names == schema.names
                assert found.cast(schema).to_pylist() == written[name].to_pylist()


@given(tables(TABLES["changes"]), st.lists(st.integers(0, 9), max_size=3))
@settings(max_examples=25, deadline=None)
def test_the_bytes_do_not_depend_on_how_the_rows_were_handed_over(table: pa.Table, cuts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        contents: list[dict[str, bytes]] = []
        for name, places in (("one", []), ("two", sorted(cuts))):
            with RecordingWriter(Path(folder) / name, group_rows=3) as writer:
                for start, end in zip([0, *places], [*places, 99], strict=True):
                    writer.write("changes", table.slice(start, end - start))
            contents.append({path.name: path.read_bytes() for path in (Path(folder) / name).iterdir()})
        assert contents[0] == contents[1]


def changes(count: int) -> pa.Table:
    columns = {name: [f"{name} {i}" for i in range(count)] for name in ("Kind", "Target", "Actor", "Outcome", "Detail")}
    times = pa.array([T0 + i * 10**9 for i in range(count)], pa.timestamp("ns"))
    numbers = pa.array(range(count))
    table = pa.table({"Timestamp": times, "Generation": numbers, "Answers": numbers, **columns})
    return table.select(TABLES["changes"].names)


def test_a_long_table_is_cut_into_parts_and_read_as_one(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "r", group_rows=2) as writer:
        for start in range(0, 36, 12):
            writer.write("changes", changes(36).slice(start, 12))
    parts = sorted(path.name for path in (tmp_path / "r").glob("*.parquet"))
    assert parts == ["changes-0000.parquet", "changes-0001.parquet", "changes-0002.parquet"]
    found = rows(opened(tmp_path / "s", tmp_path / "r"), "select count(*), sum(Generation) from changes")
    assert found == [(36, sum(range(36)))]


def test_the_summary_tells_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(traces_line(otlp_span()))
    (tmp_path / "m.prom").write_text(f"up 1 {T0 // 10**9 - 7}\n")
    with opened(tmp_path / "s", tmp_path / "t.jsonl", tmp_path / "m.prom").connect() as connection:
        found = summarize(connection)
    assert (found.start, found.end) == pytest.approx((T0 / 1e9 - 7, T0 / 1e9 + 0.005), abs=1e-6)
    assert (found.spans, found.samples, found.changes, found.services) == (1, 1, 0, 1)


def write_two(writer: RecordingWriter, *names: str) -> None:
    for name in names:
        writer.write(name, changes(1))


def test_a_recording_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), RecordingWriter(tmp_path / "r") as writer:
        write_two(writer, "changes", "no-such-table")
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_replaces_the_first_and_only_when_it_is_whole(tmp_path: Path) -> None:
    for count in (5, 2):
        with RecordingWriter(tmp_path / "r") as writer:
            writer.write("changes", changes(count))
    with pytest.raises(KeyError), RecordingWriter(tmp_path / "r") as writer:
        write_two(writer, "changes", "no-such-table")
    assert rows(opened(tmp_path / "s", tmp_path / "r"), "select count(*) from changes") == [(2,)]


def test_a_folder_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("…")
    with pytest.raises(UsageError, match="not a recording"), RecordingWriter(tmp_path / "thesis"):
        pass
    assert (tmp_path / "thesis" / "chapter1.txt").exists()


def test_a_part_that_got_lost_is_noticed(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "r", group_rows=1) as writer:
        writer.write("changes", changes(40))
    (tmp_path / "r" / "changes-0001.parquet").unlink()
    with pytest.raises(UnreadableInput, match=r"manifest.json: promises 40 rows of changes, .* hold 32"):
        opened(tmp_path / "s", tmp_path / "r")
    left = opened(tmp_path / "s", tmp_path / "r", skip_bad=True)
    assert rows(left, "select count(*) from changes") == [(32,)]
    assert ["promises 40 rows" in sentence for sentence in left.skipped] == [True]


def test_a_recording_of_a_later_version_is_refused(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "r") as writer:
        writer.write("changes", changes(1))
    manifest = tmp_path / "r" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("epicenter.recording/1", "epicenter.recording/2"))
    with pytest.raises(UnreadableInput, match=r"is of schema 'epicenter\.recording/2'"):
        opened(tmp_path / "s", tmp_path / "r")


def test_a_recording_larger_than_the_memory_allowed_is_sorted_by_spilling(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "r") as writer:
        for _ in range(8):
            writer.write("changes", changes(50_000))
    recording = opened(tmp_path / "s", tmp_path / "r")
    with recording.connect(memory_limit="40MB", threads=1) as connection:
        connection.execute("create temp table sorted as select * from changes order by Detail desc, Generation")
        assert connection.execute("select count(*), max(Generation) from sorted").fetchall() == [(400_000, 49_999)]


def test_a_link_to_a_recording_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(tmp_path / "real")
    for count in (1, 2):
        with RecordingWriter(tmp_path / "latest") as writer:
            writer.write("changes", changes(count))
    assert (tmp_path / "latest").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "real"]
    assert rows(opened(tmp_path / "s", tmp_path / "real"), "select count(*) from changes") == [(2,)]
