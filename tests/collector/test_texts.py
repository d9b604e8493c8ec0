from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from epicenter.collector.model import TEXTS
from epicenter.collector.texts import MOST_TEXTS, unseen_texts
from tests.collector.told import T0, record, server, span, telemetry

Told = dict[tuple[str, str, str], int]


def told(*spans: dict[str, Any], logs: Sequence[dict[str, Any]] = (), window: int = 0) -> Told:
    """(component, side, text) -> failed spans, of one window of ten seconds."""
    with telemetry(spans, logs) as connection:
        rows = unseen_texts(connection, 10).to_pylist()
    inside = [row for row in rows if row["window"] == T0 + 10 * window]
    return {(row["component"], row["side"], row["text"]): row["failed"] for row in inside}


def failed(name: str, message: str = "", **more: Any) -> dict[str, Any]:
    return server(name, status="Error", message=message, **more)


def test_words_that_no_class_knows_are_counted_by_who_failed() -> None:
    spans = [failed("a", "pool exhausted"), failed("b", "pool exhausted"), failed("c", "disk full"), server("d")]
    spans.append(failed("e", "pool exhausted", at=10))
    assert told(*spans) == {("stock", "server", "pool exhausted"): 2, ("stock", "server", "disk full"): 1}
    assert told(*spans, window=1) == {("stock", "server", "pool exhausted"): 1}


@pytest.mark.parametrize("message", ["connection refused", "upstream timed out", "", "503", "#42: 7/8"])
def test_words_that_are_known_or_say_nothing_are_failures_without_a_text(message: str) -> None:
    assert told(failed("a", message)) == {("stock", "server", ""): 1}


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("order 4711 is locked", "order # is locked"),
        ("no row for 'Ann O' in `orders`", "no row for # in #"),
        ('key "a b" is gone', "key # is gone"),
        ("lease 9f8e-77aa of host-3.lan:80 ran out, after=250ms", "lease # of # ran out, after=#"),
        ("cannot read /etc/shop.yml", "cannot read #"),
        ("Zählerstand für jan@shop.example fehlt", "Zählerstand für # fehlt"),
    ],
)
def test_what_varies_is_masked(said: str, masked: str) -> None:
    assert list(told(failed("a", said))) == [("stock", "server", masked)]


def test_an_exception_says_more_than_the_status_message_and_that_more_than_a_log_record() -> None:
    raised = failed("a", "PoolError", events=[{"exception.type": "PoolError", "exception.message": "pool is empty"}])
    logged = record("c", "gave up on the pool")
    assert told(raised, failed("b", "PoolError"), failed("c"), logs=[logged, record("b", "unheard")]) == {
        ("stock", "server", "pool is empty"): 1,
        ("stock", "server", "PoolError"): 1,
        ("stock", "server", "gave up on the pool"): 1,
    }


def test_a_client_speaks_of_the_host_that_it_addressed() -> None:
    client = span("a", status="Error", message="stream was reset by the peer", server_address="Stock.lan")
    nameless = span("b", status="Error", message="stream was reset by the peer")
    assert told(client, nameless) == {("stock.lan", "client", "stream was reset by the peer"): 1}


def test_a_callers_own_mistake_is_no_failure() -> None:
    mistake = span("a", status="Error", message="no such order", server_address="x", http_response_status__code="404")
    assert told(mistake) == {}


def test_only_the_most_frequent_texts_are_kept_and_no_failure_is_lost() -> None:
    letters = "abcdefghijkl"
    spans = [failed(f"{a}{n}", f"{a} is broken") for place, a in enumerate(letters) for n in range(20 - place)]
    found = told(*spans)
    assert sum(found.values()) == len(spans)
    assert [text[0] for _, _, text in sorted(found) if text] == list(letters[:MOST_TEXTS])
    assert found["stock", "server", ""] == 10 + 9


def test_no_spans_are_an_empty_table_of_the_schema() -> None:
    with telemetry() as connection:
        table = unseen_texts(connection, 10)
    assert (table.schema, table.num_rows) == (TEXTS, 0)
