"""Rows that are kept are the same whether they are packed or not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from epicenter.live.facts import KEPT, About
from epicenter.live.kept import Kept

SCHEMA = KEPT["spans"]
ROWS, PIECES = 12_000, 3


def piece(number: int) -> pa.Table:
    numbers = range(number * ROWS, (number + 1) * ROWS)
    some = {
        "tid": pa.array(numbers, pa.uint64()),
        "start": pa.array(numbers, pa.int64()),
        "duration": pa.repeat(pa.scalar(7, pa.int64()), ROWS),
        "text": pa.array([None if n % 5 else f"text {n % 7}" for n in numbers]).dictionary_encode(),
        "failed": pa.array([None if n % 3 else n % 2 == 0 for n in numbers]),
        "Sequence": pa.repeat(pa.scalar(number, pa.int64()), ROWS).dictionary_encode(),
    }
    return pa.table([some.get(field.name, pa.nulls(ROWS, field.type)) for field in SCHEMA], schema=SCHEMA)


def about(number: int) -> About:
    first, last = number * ROWS, (number + 1) * ROWS - 1
    return About(first_start=first, first_end=first + 7, last_end=last + 7, record=number)


@pytest.mark.parametrize("quiet", [(False, False, False), (True, False, True), (True, True, True)])
def test_rows_are_the_same_packed_or_not(quiet: tuple[bool, ...]) -> None:
    kept, whole = Kept(), pa.concat_tables(map(piece, range(PIECES)))
    for number in range(PIECES):
        kept = kept.plus(piece(number))
    kept = kept.packed(quiet)
    assert kept.num_rows == whole.num_rows
    assert kept.about == [about(number) for number in range(PIECES)]
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
    assert left.traces.to_pylist() == keys[~wanted].tolist()
    assert left.plus(piece(0)).num_rows == left.num_rows + ROWS
    assert kept.num_rows == whole.num_rows
