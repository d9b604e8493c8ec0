"""Which calls failed, and what the words, codes, look-ups and log records around them say of why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.collector.told import calls, only, part, record, server, span


@pytest.mark.parametrize(
    ("told", "failed"),
    [
        ({"status": "Error"}, True),
        ({"http_response_status__code": "500"}, True),
        ({"http_status__code": "503"}, True),
        ({"http_response_status__code": "429", "status": "Error"}, True),
        ({"http_response_status__code": "404", "status": "Error"}, False),
        ({"http_response_status__code": "200"}, False),
        ({"rpc_grpc_status__code": "14"}, True),
        ({"rpc_grpc_status__code": "5"}, False),
        ({"status": "Ok"}, False),
    ],
    ids=str,
)
def test_what_counts_as_a_failure(told: dict[str, str], failed: bool) -> None:
    assert only(span("c", **told)).get("errors", 0) == failed  # type: ignore[arg-type]
    assert calls(server("s", **told))[0].get("errors", 0) == failed


def error_class(*spans: dict[str, Any], logs: tuple[dict[str, Any], ...] = ()) -> str:
    row = only(*spans, logs=logs)
    (name,) = [key for key in row if key.startswith("errors_")]
    assert row[name] == row["errors"]
    return name.removeprefix("errors_")


DNS_WORDS = "getaddrinfo ENOTFOUND pricing.lan"


def test_an_answered_call_did_not_fail_at_resolution_whatever_its_answer_quotes() -> None:
    assert error_class(span("c", status="Error", message=DNS_WORDS), server("s", "c", status="Error")) == "server"
    assert error_class(span("c", status="Error", message=DNS_WORDS, http_status__code="500")) == "server"


def test_a_call_fails_with_its_server_even_where_the_client_does_not_mind() -> None:
    assert error_class(span("c"), server("s", "c", status="Error")) == "server"


def test_a_client_that_gave_up_first_wasted_the_answer() -> None:
    row = only(span("c", ms=100, status="Error"), server("s", "c", ms=900))
    assert part(row, "wasted", "errors", "errors_deadline") == {"wasted": 1, "errors": 1, "errors_deadline": 1}


@pytest.mark.parametrize(
    "told",
    [
        {"message": DNS_WORDS},
        {"events": [{"exception.type": "Error", "exception.message": DNS_WORDS}]},
        {"error_type": "ENOTFOUND"},
    ],
    ids=["status message", "exception event", "error.type"],
)
def test_the_words_of_a_failure_stand_in_many_places(told: dict[str, Any]) -> None:
    assert error_class(span("c", status="Error", **told)) == "dns_unspecified"


def test_log_records_of_the_span_tell_why_it_failed() -> None:
    exception = record("c", "request failed", exception_type="gaierror", exception_message="[Errno -5] No address")
    assert error_class(span("c", status="Error"), logs=(exception,)) == "dns_nodata"


def test_log_records_make_no_failure() -> None:
    assert "errors" not in only(span("c"), logs=[record("c", DNS_WORDS)])


@pytest.mark.parametrize("below", ["c", "handler"], ids=["below the call", "beside the call"])
def test_a_failed_lookup_tells_why_the_call_failed(below: str) -> None:
    lookup = span("d", below, operation="dns.lookup", status="Error", message=DNS_WORDS)
    call = span("c", "handler", status="Error", server_address="pricing.lan")
    assert error_class(call, lookup) == "dns_unspecified"
    assert only(call, lookup)["attempts"] == 1


def test_a_failed_lookup_beside_another_call_tells_nothing_of_it() -> None:
    rows = calls(
        span("c", "handler", status="Error", message="read timeout", server_address="stock.lan"),
        span("d", "handler", operation="dns.lookup", status="Error", message=DNS_WORDS),
    )
    classes = {row["peer"]: [key for key in row if key.startswith("errors_")] for row in rows}
    assert classes == {"stock.lan": ["errors_deadline"], "pricing.lan": ["errors_dns_unspecified"]}


@pytest.mark.parametrize(
    ("below", "lookup_ms", "after_s", "said"),
    [
        ("c", 10_010.0, 0.0, "dns_timeout"),
        ("handler", 10_010.0, 0.0, "dns_timeout"),
        ("c", 10_010.0, 2.4, "dns_timeout"),
        ("c", 10_010.0, 2.6, "deadline"),
        ("c", 4_990.0, 0.0, "deadline"),
        ("c", 10_010.0, -90.0, "deadline"),
        ("c", 900.0, 0.0, "deadline"),
    ],
    ids=[
        "below it",
        "beside it",
        "most of its time",
        "less than half",
        "it came back",
        "another call's",
        "a cold cache",
    ],
)
def test_a_call_whose_time_ran_out_in_its_lookup_failed_in_it(
    below: str, lookup_ms: float, after_s: float, said: str
) -> None:
    """As axios and the DNS instrumentation for Node.js tell of a first resolver that does not answer."""
    words = "timeout of 5000ms exceeded" if lookup_ms > 1000 else "timeout of 1500ms exceeded"
    call = span("c", "handler", at=100, ms=float(words.split()[2][:-2]), status="Error", message=words)
    call["SpanAttributes"] = [("server.address", "booking.example"), ("error.type", "AxiosError")]
    lookup = span("d", below, at=100 + after_s, ms=lookup_ms, operation="dns.lookup", peer_ipv4="10.0.0.7")
    assert error_class(call, lookup) == said
    assert only(call, lookup)["attempts"] == 1


LATE: dict[str, Any] = {"status": "Error", "message": "timeout of 6000ms exceeded"}


def test_a_call_that_was_answered_did_not_fail_in_its_slow_lookup() -> None:
    lookup = span("d", "c", ms=6500, operation="dns.lookup")
    assert error_class(span("c", "handler", ms=6000, **LATE), lookup, server("s", "c", at=5.5, ms=900)) == "deadline"
    assert error_class(span("c", "handler", ms=6000, http_response_status__code="504", **LATE), lookup) == "deadline"


@pytest.mark.parametrize(
    ("words", "told", "said"),
    [
        ("Connect Timeout Error (attempted address: stock.example:7002, timeout: 6000ms)", {}, "dns_timeout"),
        ("connect ECONNREFUSED 10.0.0.9:7009", {}, "connect"),
        ("8 RESOURCE_EXHAUSTED: queue full", {"rpc_grpc_status__code": "8"}, "other"),
        ("13 INTERNAL", {"rpc_grpc_status__code": "13"}, "other"),
        ("Service Unavailable", {"http_response_status__code": "503"}, "server"),
    ],
)
def test_what_a_client_knows_of_its_failure_is_not_what_its_lookup_waits_for(
    words: str, told: dict[str, Any], said: str
) -> None:
    """A look-up of the other address family may wait on while the connection is tried."""
    call = span("c", "handler", ms=6000, status="Error", message=words, server_address="stock.lan", **told)
    assert error_class(call, span("d", "c", ms=6500, operation="dns.lookup")) == said


@pytest.mark.parametrize(
    ("asked", "other", "said"),
    [
        ("", "", "dns_timeout"),
        ("", "pricing.lan", "deadline"),
        ("stock.lan", "pricing.lan", "dns_timeout"),
        ("pricing.lan", "pricing.lan", "deadline"),
        ("pricing.lan", "", "deadline"),
    ],
    ids=["only call", "one of two", "its name", "the other's name", "a name that nobody calls"],
)
def test_a_slow_lookup_beside_two_calls_is_that_of_its_name(asked: str, other: str, said: str) -> None:
    spans = [
        span("c", "handler", ms=6000, server_address="stock.lan", **LATE),
        span("d", "handler", ms=6500, operation="dns.lookup", dns_question_name=asked),
    ]
    spans += [span("b", "handler", ms=6600, server_address=other)] if other else []
    classes = {row["peer"]: [key for key in row if key.startswith("errors_")] for row in calls(*spans)}
    assert classes["stock.lan"] == [f"errors_{said}"]


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (
            "Connect Timeout Error (attempted address: stock.example:7002, timeout: 10000ms)",
            "UND_ERR_CONNECT_TIMEOUT",
            "connect",
        ),
        ("other side closed", "UND_ERR_SOCKET", "connect"),
        ("read ECONNRESET", "ECONNRESET", "connect"),
        ("connect ECONNREFUSED 10.0.0.9:7009", "ECONNREFUSED", "connect"),
        ("The operation was aborted due to timeout", "23", "deadline"),
        ("timeout of 1500ms exceeded", "ECONNABORTED", "deadline"),
        ("getaddrinfo EAI_AGAIN stock.example", "EAI_AGAIN", "dns_temporary"),
        ("fetch failed", "UND_ERR_CONNECT_TIMEOUT", "connect"),
        ("14 UNAVAILABLE: Name resolution failed for target dns:stock.example:7007", "14", "dns_unspecified"),
        ("14 UNAVAILABLE: Name resolution failed for target dns:///stock.example:7007", "14", "dns_unspecified"),
        ("Name resolution failed for target dns://10.0.0.2/stock.example:7007", "14", "dns_unspecified"),
        ("Name resolution failed for target unix:/run/stock.sock", "14", "other"),
        ("ColumnName resolution failed: unknown column price", "QueryError", "other"),
        ("Connection Timeout Expired. The timeout elapsed during the post-login phase.", "SqlException", "deadline"),
    ],
)
def test_what_clients_for_nodejs_say(words: str, kind: str, said: str) -> None:
    exception = {"exception.type": kind, "exception.message": words}
    told = span("c", status="Error", message=words, error_type=kind, events=[exception])
    assert error_class(told) == said
    assert only(told).get("peer", "") == ("stock.example" if said.startswith("dns_") else "")


def test_a_failed_lookup_whose_calls_span_never_ended_stands_for_the_call() -> None:
    row = only(span("d", "handler", operation="dns.lookup", status="Error", message=DNS_WORDS))
    expected = {"client": "shop", "peer": "pricing.lan", "attempts": 1, "unanswered": 1, "errors_dns_unspecified": 1}
    assert part(row, *expected) == expected


def test_grpc_codes_tell_of_calls_that_reached_nobody() -> None:
    assert error_class(span("c", rpc_grpc_status__code="4")) == "deadline"


# --- attempts of which there is no client span

REFUSED = 'connection to server at "Ledger.lan" (10.0.0.7), port 5432 failed: Connection refused'


def lost(*spans: dict[str, Any]) -> list[dict[str, Any]]:
    """Attempts that failed and reached nobody."""
    return [part(row, "client", "peer", "attempts", "errors_connect") for row in calls(*spans) if "server" not in row]


def test_who_says_which_host_it_did_not_reach_tried_to_though_no_span_tells() -> None:
    said = [{"exception.type": "OperationalError", "exception.message": REFUSED}]
    once = [{"client": "stock", "peer": "ledger.lan", "attempts": 1, "errors_connect": 1}]
    failed = server("s", "c", status="Error", events=said)
    assert lost(span("c"), failed) == once
    inner = span("i", "s", kind="Internal", service="stock", ms=3, status="Error", events=said)
    assert lost(span("c"), failed, inner) == once, "an exception on its way up is one attempt"
    assert lost(span("c"), server("s", "c", events=said)) == [], "it got over it"


def test_who_has_a_span_of_its_failed_attempt_says_no_more_of_it() -> None:
    shop = server("s", service="shop", status="Error", message=REFUSED)
    rows = calls(shop, span("c", "s", status="Error", message=REFUSED, server_address="gate.lan"))
    assert [row["peer"] for row in rows if "peer" in row] == ["gate.lan"]
    books = server("d", "c", service="books", status="Error", message=REFUSED)
    answered = calls(shop, span("c", "s", status="Error", message=REFUSED), books)
    assert {(row.get("client"), row.get("server"), row.get("peer")) for row in answered} == {
        (None, "shop", None),
        ("shop", "books", None),
        ("books", None, "ledger.lan"),
    }


def test_a_connection_that_failed_without_a_call_around_it_was_an_attempt() -> None:
    words = "connect ECONNREFUSED 10.0.0.7:5672"
    step = span("t", kind="Internal", operation="tcp.connect", status="Error", message=words, net_peer_name="mq.lan")
    assert lost(step) == [{"client": "shop", "peer": "mq.lan", "attempts": 1, "errors_connect": 1}]
    lookup = span("d", "t", operation="dns.lookup", status="Error", message="getaddrinfo ENOTFOUND mq.lan")
    (row,) = calls(step, lookup)
    assert part(row, "attempts", "errors_dns_unspecified") == {"attempts": 1, "errors_dns_unspecified": 1}
    assert calls(span("ok", kind="Internal", operation="tcp.connect", net_peer_name="mq.lan")) == []


def test_a_step_of_a_call_is_no_attempt_however_deep_it_stands() -> None:
    get = span("g", "c", kind="Internal", operation="http.getconn")
    words = "connect: network is unreachable"
    six = span("x", "g", kind="Internal", operation="http.connect", status="Error", message=words)
    (row,) = calls(span("c", server_address="gate.lan"), get, six)
    assert part(row, "attempts", "errors") == {"attempts": 1, "errors": 0}


@pytest.mark.parametrize(
    "message",
    [
        "price lookup timed out after 2 s",
        "Customer lookup for order 12 failed: Connection refused",
        "ledger.lan refused",
    ],
)
def test_words_of_an_application_name_no_host(message: str) -> None:
    assert lost(server("s", status="Error", message=message)) == []


def test_what_it_got_over_is_not_what_it_failed_by() -> None:
    handled = {"exception.type": "ConnectionError", "exception.message": REFUSED}
    failed = {"exception.type": "ValueError", "exception.message": "no price"}
    assert lost(server("s", status="Error", events=[handled, failed])) == []
    assert len(lost(server("s", status="Error", events=[failed, handled]))) == 1


def test_a_span_without_a_kind_says_whom_it_served_and_not_whom_it_called() -> None:
    assert lost(span("s", kind="", status="Error", message="request timed out", server_address="shop.lan")) == []
