"""Clients say what real ones say: as little as they know."""

from __future__ import annotations

import pytest

from epicenter.collector.failures import classify
from epicenter.collector.model import DNS_CLASSES, ERROR_CLASSES
from epicenter.synthetic.telemetry.wording import words
from epicenter.synthetic.world.history import DIALECTS

from .toy_history import edges

HOST = "dynamodb.us-east-1.amazonaws.com"


def said(dialect: str, error_class: str) -> tuple[str, str]:
    """The status message; and all that a reader of spans goes by (not the stack trace)."""
    found = words(edges(dialect)[1], error_class)
    event = found.exception[:2] if found.exception else ()
    return found.status, " ".join((found.status, found.error_type, *event))


FAILURES = (*(name for name in ERROR_CLASSES if name not in ("server", "other")), "refused")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("error_class", FAILURES)
def test_words_never_tell_of_another_failure(dialect: str, error_class: str) -> None:
    told = classify(said(dialect, error_class)[1])
    may_tell = {"connect" if error_class == "refused" else error_class}
    if error_class.startswith("dns_"):
        # many clients cannot tell answers apart, and some not even that it was DNS
        may_tell |= {"dns_unspecified", "connect"}
        if error_class not in ("dns_nodata", "dns_nxdomain"):
            may_tell.add("dns_temporary")  # glibc says so of every fault of a server
        if error_class == "dns_temporary":
            may_tell.add("dns_servfail")  # other clients name the fault
        if dialect.startswith("go") and error_class == "dns_refused":
            may_tell.add("dns_servfail")  # Go says "server misbehaving" of both
    assert told in may_tell


@pytest.mark.parametrize("dialect", ["python-requests", "python-aiohttp", "grpc-python"])
def test_some_clients_know_an_empty_answer(dialect: str) -> None:
    assert classify(said(dialect, "dns_nodata")[1]) == "dns_nodata"


@pytest.mark.parametrize("dialect", ["node-http", "node-aws-sdk", "go-http", "java-urlconnection", "python-botocore"])
def test_some_clients_say_the_same_of_an_empty_answer_and_of_no_such_name(dialect: str) -> None:
    assert said(dialect, "dns_nodata") == said(dialect, "dns_nxdomain")


def test_botocore_says_the_same_of_every_failed_resolution() -> None:
    texts = {said("python-botocore", f"dns_{name}") for name in DNS_CLASSES}
    assert len(texts) == 1
    assert "Could not connect to the endpoint URL" in texts.pop()[0]


def test_aiohttp_s_reason_stands_in_the_exception_event_alone() -> None:
    status, everything = said("python-aiohttp", "dns_nodata")
    assert status == "ClientConnectorDNSError"
    assert "answer with no data" in everything


def test_java_s_http_client_keeps_the_cause_in_the_stack_trace() -> None:
    found = words(edges("java-httpclient")[1], "dns_nodata")
    assert (found.status, found.error_type) == ("", "java.net.ConnectException")
    assert found.exception is not None
    assert "UnresolvedAddressException" in found.exception[2]
