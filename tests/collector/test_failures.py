"""What clients say of a look-up that failed, and what each of it tells."""

from __future__ import annotations

import pytest

from epicenter.collector.failures import classify, host

SAID = {
    "dns_nodata": [
        "Cannot connect to host store.lan:80 ssl:default [DNS server returned answer with no data]",  # c-ares
        "queryA ENODATA store.lan",  # c-ares in Node
        "[Errno -5] No address associated with hostname",  # glibc
        "[Errno -5] Name has no usable address",  # musl
        "dns error: failed to lookup address information: Name has no usable address",  # Rust on musl
        "The requested name is valid, but no data of the requested type was found. (store.lan:80)",  # Winsock
        "DNS resolution failed for store.lan:443: C-ares status is not ARES_SUCCESS qtype=A name=store.lan "
        "is_balancer=0: DNS server returned answer with no data",  # gRPC C-core
    ],
    "dns_timeout": [
        "Cannot connect to host store.lan:80 ssl:default [Could not contact DNS servers]",  # c-ares
        "Cannot connect to host store.lan:80 ssl:default [Timeout while contacting DNS servers]",
        "No DNS servers were configured",
        "lookup store.lan on 127.0.0.1:8600: read udp 127.0.0.1:41->127.0.0.1:8600: read: connection refused",
        "All nameservers failed to answer the query store.lan. IN A: Server Do53:10.0.0.2@53 answered [Errno 111] "
        "Connection refused",
        "queryA ECONNREFUSED store.lan",
        "queryAaaa ETIMEOUT store.lan",
        "503 DNS resolution failed for store.lan:443: C-ares status is not ARES_SUCCESS qtype=A name=store.lan "
        "is_balancer=0: Could not contact DNS servers",
        "dial tcp: lookup store.lan on 10.0.0.2:53: read udp 10.0.0.7:4711->10.0.0.2:53: read: connection refused",
        "dial tcp: lookup store.lan on 10.0.0.2:53: dial udp 10.0.0.2:53: connect: network is unreachable",
        "dial tcp: lookup store.lan: i/o timeout",
        "dial tcp: lookup store.lan on 10.0.0.2:53: read udp 10.0.0.7:4711->10.0.0.2:53: i/o timeout",
        "lookup store.lan on 10.0.0.2:53: no answer from DNS server",
        "Resolving timed out after 5000 milliseconds",  # curl
        "java.net.UnknownHostException: Failed to resolve 'store.lan' [A(1)] after 2 queries: "
        "io.netty.resolver.dns.DnsNameResolverTimeoutException: query via UDP timed out after 5000 milliseconds",
        "error sending request: dns error: request timed out",  # hickory
        "error sending request: dns error: proto error: request timed out",
    ],
    "dns_refused": ["DNS server refused query", "queryA EREFUSED store.lan", "Query failed with REFUSED"],
    "dns_servfail": [
        "DNS server returned general failure",
        "DNS server claims query was misformatted",
        "DNS server does not implement requested operation",
        "Misformatted DNS reply",
        "queryA EBADRESP store.lan",
        "[Errno -4] Non-recoverable failure in name resolution",
        "getaddrinfo EAI_FAIL store.lan",
        "lookup store.lan on 10.0.0.2:53: server misbehaving",
        "lookup store.lan on 10.0.0.2:53: cannot unmarshal DNS message",
        "io.netty.resolver.dns.DnsErrorCauseException: Query failed with SERVFAIL",
        "A non-recoverable error occurred during a database lookup. (store.lan:80)",  # Winsock
        "System.Net.Sockets.SocketException (11003): A non-recoverable error occurred during a database lookup.",
    ],
    "dns_nxdomain": [
        "Cannot connect to host store.lan:80 ssl:default [Domain name not found]",
        "queryA ENOTFOUND store.lan",
        "[Errno -2] Name or service not known",
        "Name or service not known (store.lan:80)",  # .NET on Linux
        "io.netty.resolver.dns.DnsErrorCauseException: Query failed with NXDOMAIN",
    ],
    "dns_temporary": [
        "[Errno -3] Temporary failure in name resolution",
        "[Errno -3] Try again",  # musl
        "dns error: failed to lookup address information: Try again",
        "dial tcp: lookup store.lan: Try again",  # cgo on musl
        "getaddrinfo EAI_AGAIN store.lan",
        "Resource temporarily unavailable (store.lan:80)",  # .NET on Linux says EAI_AGAIN so
        "This is usually a temporary error during hostname resolution and means that the local server did not receive "
        "a response from an authoritative server. (store.lan:80)",
    ],
    "dns_unspecified": [
        "getaddrinfo ENOTFOUND store.lan",
        "dial tcp: lookup store.lan on 10.0.0.2:53: no such host",
        "Name does not resolve",  # older musl says so of an empty answer, too
        "DNS query cancelled",
        "Misformatted domain name",
        "DNS resolution failed for service: store.lan:443",
        "UNAVAILABLE: Unable to resolve host store.lan",  # gRPC for Java
        'dns error: no record found for Query { name: Name("store.lan."), query_type: AAAA, query_class: IN }',
        "no record found for name: store.lan. type: A class: IN",
        "no records found for name: store.lan. type: AAAA class: IN",
        "dns error: cached; tcp connect timed out",
        "No resolvable bootstrap urls given in bootstrap.servers",
        "%Mint.TransportError{reason: :nxdomain}",  # Erlang says so of an empty answer, too
        "No such host is known. (store.lan:80)",
        "dns_resolution_failure",  # Envoy
    ],
    "connect": [
        "connect ECONNREFUSED 10.0.0.9:80",
        "dial tcp 10.0.0.9:80: connect: connection refused",
        "lookup key on redis-1: dial tcp 10.0.0.2:6379: connect: connection refused",
        "Cannot connect to host store.lan:80 ssl:default [Connect call failed ('10.0.0.9', 80)]",
    ],
    "deadline": [
        "context deadline exceeded",
        "read ETIMEDOUT",
        "request timed out",
        "lookup table missing: read tcp 10.0.0.7:4711->10.0.0.2:6379: i/o timeout",
        "cache lookup failed: read tcp 10.0.0.7:4711->10.0.0.2:6379: i/o timeout",
        "Resolving timed out waiting for promise",
    ],
    "": [
        "no record found for order 5",
        "no record found for order of type: A12",
        "no records found for customer with type: Active",
        "no record found for name: Smith type: A",
        "no records found for Query { user: 5 }",
        "please Try again",
        "Resource temporarily unavailable",
        "Resource temporarily unavailable (10.0.0.5:8080)",
        "A non-recoverable error occurred during a database lookup",
        "Out of memory",
    ],
}


@pytest.mark.parametrize(("told", "words"), [(told, words) for told, texts in SAID.items() for words in texts])
def test_the_words_of_a_client_tell_how_far_its_call_came(told: str, words: str) -> None:
    assert classify(words) == told


@pytest.mark.parametrize(
    "words",
    [
        "Cannot connect to host store.lan:80 ssl:default [Could not contact DNS servers]",
        "queryA ECONNREFUSED store.lan",
        "503 DNS resolution failed for store.lan:443: C-ares status is not ARES_SUCCESS",
        "DNS resolution failed for dns:///store.lan:443",
        "UNAVAILABLE: Unable to resolve host store.lan",
        "Resource temporarily unavailable (store.lan:80)",
        "dial tcp: lookup store.lan on 10.0.0.2:53: no such host",
        'connection to server at "store.lan" (10.0.0.7), port 5432 failed: Connection refused',
        "(2003, \"Can't connect to MySQL server on 'store.lan' ([Errno 111] Connection refused)\")",
        "Error 111 connecting to store.lan:6379. Connection refused.",
        "Connection to store.lan:5432 refused. Check that the hostname and port are correct",
        "dial tcp store.lan:9092: connect: connection refused",
        "HTTPConnectionPool(host='store.lan', port=80): Max retries exceeded with url: / (Connection refused)",
    ],
)
def test_the_words_of_a_client_name_the_host_that_it_looked_up(words: str) -> None:
    assert host(words) == "store.lan"


def test_words_without_a_host_name_none() -> None:
    assert host("Resource temporarily unavailable") == ""
    assert host("Connection to server lost") == host("Error connecting to the database") == ""
