"""Which calls are attempts, which are retries, and how many hide in one span."""

from __future__ import annotations

from typing import Any

import pytest

from tests.collector.told import calls, only, part, record, server, span


def test_an_sdks_span_around_its_requests_is_no_attempt() -> None:
    row = only(
        span("sdk", operation="DynamoDB.GetItem", rpc_service="DynamoDB", ms=90),
        span("post1", "sdk", operation="POST", server_address="db.lan", ms=10, status="Error", message="ECONNRESET"),
        span("post2", "sdk", operation="POST", server_address="db.lan", ms=10, at=0.02),
    )
    expected = {"peer": "db.lan", "attempts": 2, "originals": 1, "unanswered": 2, "errors": 1, "errors_connect": 1}
    assert part(row, *expected) == expected


def failing(name: str, at: float, **more: Any) -> dict[str, Any]:
    return span(name, "root", at=at, ms=100, status="Error", message="ECONNREFUSED", server_address="db.lan", **more)


def test_a_later_equal_sibling_of_a_failed_one_is_a_retry() -> None:
    assert part(only(failing("a", 0), failing("b", 0.2), failing("c", 0.5)), "attempts", "originals") == {
        "attempts": 3,
        "originals": 1,
    }


def test_a_fan_out_of_equal_calls_is_no_retry() -> None:
    assert only(failing("a", 0), failing("b", 0.01), failing("c", 0.02))["originals"] == 3


def test_calls_for_different_things_are_no_retries() -> None:
    urls = [{"url_full": f"http://db.lan/{item}"} for item in (1, 2)]
    assert only(failing("a", 0, **urls[0]), failing("b", 0.5, **urls[1]))["originals"] == 2
    assert only(failing("a", 0, **urls[0]), failing("b", 0.5, **urls[0]))["originals"] == 1


def test_repeats_of_calls_that_succeeded_are_no_retries() -> None:
    assert only(span("a", "root"), span("b", "root", at=1))["originals"] == 2


@pytest.mark.parametrize("name", ["http_request_resend__count", "http_resend__count"])
def test_a_span_may_say_that_it_is_a_retry(name: str) -> None:
    said: dict[str, Any] = {name: "1"}
    assert part(only(span("c", **said)), "attempts", "originals") == {"attempts": 1, "originals": 0}


def test_attempts_hidden_in_one_botocore_span_are_counted() -> None:
    failed = only(span("c", status="Error", message="Connection refused", retry__attempts="3"))
    expected = {"attempts": 4, "originals": 1, "unanswered": 4, "errors": 4, "errors_connect": 4}
    assert part(failed, *expected) == expected
    recovered = only(span("c", retry__attempts="1"), server("s", "c"))
    expected = {"attempts": 2, "originals": 1, "answered": 1, "unanswered": 1, "errors": 1, "errors_other": 1}
    assert part(recovered, *expected) == expected


def test_attempts_hidden_in_one_urllib3_span_are_counted_from_its_warnings() -> None:
    words = "Retrying (Retry(total={})) after connection broken by 'NameResolutionError(\"[Errno -2] Name\")'"
    row = only(
        span("c", status="Error", message="Max retries exceeded"),
        logs=[record("c", words.format(1)), record("c", words.format(0))],
    )
    expected = {"attempts": 3, "originals": 1, "errors": 3, "errors_dns_nxdomain": 3}
    assert part(row, *expected) == expected


def test_resolving_and_connecting_are_no_calls() -> None:
    row = only(
        span("c", server_address="db.lan"),
        span("d", "c", operation="dns.lookup"),
        span("t", "c", operation="tcp.connect", kind="Internal"),
        server("s", "c"),
    )
    assert row["attempts"] == 1
    assert calls(span("d", operation="DNS lookup db.lan", kind="Internal", dns_question_name="db.lan")) == []
