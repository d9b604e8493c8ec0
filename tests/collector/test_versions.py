"""Which versions of services are seen, and since when: of spans in files, and of those that come over the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from epicenter.collector.model import SPANS, VERSIONS
from epicenter.collector.otlp.decode import Export, decode, told_spans_of
from epicenter.collector.told import told_spans
from epicenter.collector.versions import MOST, earliest, first_seen, last_heard, merge_versions, seen_from
from epicenter.collector.windows import observe
from tests.collector.told import T0, server, telemetry
from tests.live.encoded import encoded, with_hex_ids

WINDOW_S = 10


def of(version: str, at: float, **more: Any) -> dict[str, Any]:
    """A span of a service in a version."""
    resource = [("service.version", version), ("host.name", "a")] if version else [("host.name", "a")]
    return server(f"{version}{at}", at=at, **more) | {"ResourceAttributes": resource}


def seen(*spans: Mapping[str, Any]) -> Mapping[tuple[str, str], int]:
    with telemetry([dict(span) for span in spans]) as connection:
        return observe(connection, WINDOW_S).versions


def test_a_version_is_seen_from_the_window_of_its_first_span_on() -> None:
    told = seen(of("1.5.0", 34), of("1.4.0", 3), of("1.5.0", 61), of("1.4.0", 40), of("1.4.0", 12, service="shop"))
    assert told == {("stock", "1.4.0"): T0, ("stock", "1.5.0"): T0 + 30, ("shop", "1.4.0"): T0 + 10}


@pytest.mark.parametrize("span", [of("", 3), of("1.4.0", 3, service=""), server("s")])
def test_what_names_no_service_or_no_version_tells_of_none(span: Mapping[str, Any]) -> None:
    assert seen(span) == {}


def test_however_many_versions_a_service_writes_so_many_are_told() -> None:
    told = seen(*(of(f"build-{n:04}", n) for n in range(2 * MOST)), of("1.4.0", 3, service="shop"))
    assert len(told) == MOST + 1
    assert told[("stock", "build-0000")] == T0


TOLD = st.dictionaries(
    st.tuples(st.sampled_from(["shop", "cart"]), st.sampled_from(["1", "2", "3"])), st.integers(0, 50), max_size=6
)


@given(TOLD, TOLD)
def test_the_first_sight_counts_in_whatever_order_they_come(one: dict[Any, int], two: dict[Any, int]) -> None:
    rows = [
        pa.table([list(some.values()), *([what[n] for what in some] for n in (0, 1))], schema=VERSIONS)
        for some in (one, two)
    ]
    merged = first_seen(merge_versions(rows))
    assert merged == first_seen(merge_versions(rows[::-1])) == earliest((*two.items(), *one.items()))


def test_of_what_was_seen_before_it_is_known_that_it_was_there_from_the_first_window_on() -> None:
    assert seen_from({("shop", "1"): 10, ("shop", "2"): 40}, 30) == {("shop", "1"): 30, ("shop", "2"): 40}


def test_of_a_service_that_is_still_there_the_versions_are_known_that_were_heard_last() -> None:
    heard = {("shop", str(n)): n for n in range(MOST + 7)} | {("gone", "1"): 3, ("shop", "stable"): MOST + 7}
    stays = {("shop", "stable"), *(("shop", str(n)) for n in range(8, MOST + 7))}
    assert set(last_heard(heard, {"shop"})) == stays


@pytest.mark.parametrize("odd", [False, True])
def test_of_a_request_the_version_is_read_as_of_a_file(odd: bool) -> None:
    rows = [with_hex_ids(of(version, 1)) for version in ("1.4.0", "")]
    told = told_spans_of([encoded(row, odd=odd) for row in rows])
    assert told["ServiceVersion"].to_pylist() == ["1.4.0", ""]
    plain = told_spans(pa.Table.from_pylist(rows, schema=SPANS))
    assert told["ServiceVersion"] == plain["ServiceVersion"].cast(told["ServiceVersion"].type)


def test_a_version_that_comes_twice_is_the_last_as_of_any_attribute() -> None:
    one = encoded(with_hex_ids(of("1.4.0", 1)))
    request = ExportTraceServiceRequest.FromString(one.body)
    request.resource_spans[0].resource.attributes.append(request.resource_spans[0].resource.attributes[-1])
    body = request.SerializeToString()
    expected = told_spans(decode(Export("traces", body)).tables["spans"])["ServiceVersion"].to_pylist()
    assert expected == ["1.4.0"]
