"""Rows that are kept are the same whether they are packed or not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from epicenter.live.kept import Kept

SCHEMA = pa.schema([("text", pa.dictionary(pa.int32(), pa.string())), ("tid", pa.uint64()), ("failed", pa.bool_())])
ROWS, PIECES = 12_000, 3


def piece(number: int) -> pa.Table:
    numbers = range(number * ROWS, (number + 1) * ROWS)
    texts = pa.array([None if n % 5 else f"text {n % 7}" for n in numbers]).dictionary_encode()
    failed = pa.array([None if n % 3 else n % 2 == 0 for n in numbers])
    return pa.table([texts, pa.array(numbers, pa.uint64()), failed], schema=SCHEMA)


def first(rows: pa.Table) -> int:
    return int(rows["tid"].to_numpy().min())


@pytest.mark.parametrize("quiet", [(False, False, False), (True, False, True), (True, True, True)])
def test_rows_are_the_same_packed_or_not(quiet: tuple[bool, ...]) -> None:
    kept, whole = Kept(SCHEMA, "tid", first), pa.concat_tables(map(piece, range(PIECES)))
    for number in range(PIECES):
        kept = kept.plus(piece(number))
    kept = kept.packed(quiet)
    assert kept.num_rows == whole.num_rows
    assert kept.about == [number * ROWS for number in range(PIECES)]
    columns = ["failed", "tid"]
    assert kept.read(columns, [True] * PIECES).to_pylist() == whole.select(columns).to_pylist()
    assert kept.read(columns, [False, True, False]).to_pylist() == piece(1).select(columns).to_pylist()
    keys = whole["tid"].to_numpy()
    wanted = (keys % 1000 == 17) & (keys >= ROWS) | (keys >= (PIECES - 1) * ROWS)  # of one piece no row, of one each
    some = pa.array(keys[wanted])
    assert kept.where(some).to_pylist() == whole.filter(pa.array(wanted)).to_pylist()
    assert kept.where(some, ["tid"])["tid"].to_pylist() == some.to_pylist()
    left = kept.without(some)
    assert left.where(whole["tid"].combine_chunks()).to_pylist() == whole.filter(pa.array(~wanted)).to_pylist()
    assert left.keys.to_pylist() == keys[~wanted].tolist()
    assert left.plus(piece(0)).num_rows == left.num_rows + ROWS
    assert kept.num_rows == whole.num_rows
