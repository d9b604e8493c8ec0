"""Bodies in gzip are unpacked within a limit, or refused."""

from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epicenter.collector.errors import OversizedRequest, UnreadableRequest
from epicenter.collector.otlp.decode import inflate
from tests.collector.otlp_requests import EDITS, flipped
from tests.fuzzing import fuzzed


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_gzip_comes_out_as_it_went_in_also_in_several_streams(parts: list[bytes]) -> None:
    packed = b"".join(map(gzip.compress, parts))
    whole = b"".join(parts)
    assert inflate(packed, len(whole)) == whole
    if whole:
        with pytest.raises(OversizedRequest):
            inflate(packed, len(whole) - 1)


@given(st.binary(max_size=300), EDITS)
@fuzzed(100)
def test_garbled_gzip_is_unpacked_or_refused(content: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    with suppress(UnreadableRequest):
        assert len(inflate(flipped(gzip.compress(content), edits), 1000)) <= 1000


def test_a_bomb_is_refused_at_the_limit_and_not_after_it() -> None:
    bomb = gzip.compress(bytes(200 * 2**20), 9)
    bomb_of_streams = gzip.compress(b"") * 100_000
    with pytest.raises(OversizedRequest, match="1,048,576 bytes"):
        inflate(bomb, 2**20)
    with pytest.raises(UnreadableRequest, match="gzip streams in a row"):
        inflate(bomb_of_streams, 2**20)
    with pytest.raises(UnreadableRequest, match="cut off"):
        inflate(gzip.compress(b"x" * 1000)[:-5], 2**20)
    for nothing in (b"", b"plain"):
        with pytest.raises(UnreadableRequest):
            inflate(nothing, 2**20)
