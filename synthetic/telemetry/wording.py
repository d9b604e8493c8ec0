"""How failures read in the spans of real clients, by dialect.

The DNS words were measured on the clients themselves, with OpenTelemetry's automatic instrumentation, against a
name server on loopback and glibc 2.36. What matters is what they hide: botocore says the same for every failure of
resolution, Node and Go cannot tell an empty answer (NODATA) from a name that does not exist, Java's HttpClient
keeps the cause in the stack trace, aiohttp only in the exception event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..world.history import Edge


@dataclass(frozen=True)
class Words:
    """What a failed attempt leaves in its span.

    status: the status message. error_type: the attribute `error.type`, "" where the client sets none.
    exception: (type, message, stack trace) of the exception event, or None where there is none.
    """

    status: str
    error_type: str = ""
    exception: tuple[str, str, str] | None = None


ADDRESS = "10.0.3.17"
"""Where a name leads when it leads somewhere."""
_RESOLVER = "10.0.0.2:53"

_GLIBC = {
    "nodata": (-5, "No address associated with hostname"),
    "nxdomain": (-2, "Name or service not known"),
}
_GLIBC_AGAIN = (-3, "Temporary failure in name resolution")
_C_ARES = {
    "nodata": "DNS server returned answer with no data",
    "nxdomain": "Domain name not found",
    "servfail": "DNS server returned general failure",
    "refused": "DNS server refused query",
    "timeout": "Timeout while contacting DNS servers",
    "temporary": "DNS server returned general failure",
    "unspecified": "DNS query failed",
}
_NODE = {"nodata": "ENOTFOUND", "nxdomain": "ENOTFOUND"}
_GO = {
    "nodata": "no such host",
    "nxdomain": "no such host",
    "servfail": "server misbehaving",
    "refused": "server misbehaving",
    "timeout": "i/o timeout",
    "temporary": "server misbehaving",
    "unspecified": "no such host",
}

_PATH = "/"
_REFUSED_BY_OS = "[Errno 111] Connection refused"


def words(edge: Edge, error_class: str) -> Words:
    """The words of a failure: `error_class` is one of `model.ERROR_CLASSES`, or "refused" for a refused connection.

    An error that the server answered has none here.
    """
    if error_class == "server":
        return Words("")
    return _DIALECTS[edge.dialect](edge, error_class)


def lookup_words(edge: Edge, error_class: str) -> str:
    """What Node's `dns.lookup` span says."""
    return f"getaddrinfo {_NODE.get(_dns(error_class), 'EAI_AGAIN')} {edge.peer}"


def _dns(error_class: str) -> str:
    return error_class.removeprefix("dns_") if error_class.startswith("dns_") else ""


def _requests(edge: Edge, error_class: str) -> Words:
    host = edge.peer
    pool = f"HTTPSConnectionPool(host='{host}', port=443): "
    name, text = "ConnectionError", pool
    if dns := _dns(error_class):
        number, reason = _GLIBC.get(dns, _GLIBC_AGAIN)
        cause = f"HTTPSConnection(host='{host}', port=443): Failed to resolve '{host}' ([Errno {number}] {reason})"
        text += f'Max retries exceeded with url: {_PATH} (Caused by NameResolutionError("{cause}"))'
    elif error_class == "refused":
        cause = f"HTTPSConnection(host='{host}', port=443): Failed to establish a new connection: {_REFUSED_BY_OS}"
        text += f'Max retries exceeded with url: {_PATH} (Caused by NewConnectionError("{cause}"))'
    elif error_class == "connect":
        name = "ConnectTimeout"
        cause = f"'Connection to {host} timed out. (connect timeout={edge.connect_timeout_s:g})'"
        text += f"Max retries exceeded with url: {_PATH} (Caused by ConnectTimeoutError({cause}))"
    elif error_class == "deadline":
        name, text = "ReadTimeout", text + f"Read timed out. (read timeout={edge.timeout_s:g})"
    else:
        text = "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))"
    return Words(f"{name}: {text}", "", (f"requests.exceptions.{name}", text, ""))


def _aiohttp(edge: Edge, error_class: str) -> Words:
    where = f"Cannot connect to host {edge.peer}:443 ssl:default"
    if dns := _dns(error_class):
        name, text = "ClientConnectorDNSError", f"{where} [{_C_ARES[dns]}]"
    elif error_class == "refused":
        name, text = "ClientConnectorError", f"{where} [Connect call failed ('{ADDRESS}', 443)]"
    elif error_class == "connect":
        name, text = "ConnectionTimeoutError", f"Connection timeout to host https://{edge.peer}{_PATH}"
    elif error_class == "deadline":
        name, text = "SocketTimeoutError", "Timeout on reading data from socket"
    else:
        name, text = "ServerDisconnectedError", "Server disconnected"
    return Words(name, "", (f"aiohttp.client_exceptions.{name}", text, ""))


def _botocore(edge: Edge, error_class: str) -> Words:
    url = f'"https://{edge.peer}{_PATH}"'
    if _dns(error_class) or error_class == "refused":
        name, text = "EndpointConnectionError", f"Could not connect to the endpoint URL: {url}"
    elif error_class == "connect":
        name, text = "ConnectTimeoutError", f"Connect timeout on endpoint URL: {url}"
    elif error_class == "deadline":
        name, text = "ReadTimeoutError", f"Read timeout on endpoint URL: {url}"
    else:
        name = "ConnectionClosedError"
        text = f"Connection was closed before we received a valid response from endpoint URL: {url}."
    return Words(f"{name}: {text}", "", (f"botocore.exceptions.{name}", text, ""))


def _node(edge: Edge, error_class: str) -> Words:
    if dns := _dns(error_class):
        code = _NODE.get(dns, "EAI_AGAIN")
        text = f"getaddrinfo {code} {edge.peer}"
    elif error_class == "refused":
        code, text = "ECONNREFUSED", f"connect ECONNREFUSED {ADDRESS}:443"
    elif error_class == "connect":
        code, text = "ETIMEDOUT", f"connect ETIMEDOUT {ADDRESS}:443"
    elif error_class == "deadline":
        code, text = "ECONNABORTED", f"timeout of {1000 * edge.timeout_s:.0f}ms exceeded"
    else:
        code, text = "ECONNRESET", "read ECONNRESET"
    return Words(text, "Error", (code, text, f"Error: {text}\n    at TCPConnectWrap.afterConnect (node:net:1611:16)"))


def _java_http_client(edge: Edge, error_class: str) -> Words:
    if _dns(error_class):
        name = "java.net.ConnectException"
        stack = f"{name}\n\tat java.net.http/jdk.internal.net.http.HttpClientImpl.send(HttpClientImpl.java:573)\n"
        return Words("", name, (name, "", stack + "Caused by: java.nio.channels.UnresolvedAddressException"))
    if error_class == "refused":
        return _java("java.net.ConnectException", "")  # the cause stays in the stack trace here too
    if error_class == "connect":
        return _java("java.net.http.HttpConnectTimeoutException", "HTTP connect timed out")
    if error_class == "deadline":
        return _java("java.net.http.HttpTimeoutException", "request timed out")
    return _java("java.io.IOException", "Connection reset")


def _java_url_connection(edge: Edge, error_class: str) -> Words:
    if _dns(error_class):
        return _java("java.net.UnknownHostException", edge.peer)
    if error_class == "refused":
        return _java("java.net.ConnectException", "Connection refused")
    if error_class in ("connect", "deadline"):
        which = "Connect" if error_class == "connect" else "Read"
        return _java("java.net.SocketTimeoutException", f"{which} timed out")
    return _java("java.net.SocketException", "Connection reset")


def _java(name: str, text: str) -> Words:
    return Words("", name, (name, text, f"{name}: {text}\n\tat java.base/java.net.Socket.connect(Socket.java:751)"))


def _go(edge: Edge, error_class: str) -> Words:
    kind = "*net.OpError"
    if dns := _dns(error_class):
        text = f"dial tcp: lookup {edge.peer} on {_RESOLVER}: {_GO[dns]}"
    elif error_class == "refused":
        text = f"dial tcp {ADDRESS}:443: connect: connection refused"
    elif error_class == "connect":
        text = f"dial tcp {ADDRESS}:443: connect: connection timed out"
    elif error_class == "deadline":
        kind, text = "*http.httpError", "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    else:
        text = f"read tcp {ADDRESS}:443: read: connection reset by peer"
    return Words(text, kind, (kind, text, ""))


def _grpc(edge: Edge, error_class: str) -> Words:
    name = "UNAVAILABLE"
    if dns := _dns(error_class):
        text = f"errors resolving {edge.peer}:443: [A: {_C_ARES[dns]}, AAAA: {_C_ARES[dns]}]"
    elif error_class == "refused":
        text = f"failed to connect to all addresses; last error: UNKNOWN: ipv4:{ADDRESS}:443: Connection refused"
    elif error_class == "connect":
        text = f"failed to connect to all addresses; last error: UNKNOWN: ipv4:{ADDRESS}:443: connection timed out"
    elif error_class == "deadline":
        name, text = "DEADLINE_EXCEEDED", "Deadline Exceeded"
    else:
        text = f"failed to connect to all addresses; last error: ipv4:{ADDRESS}:443: Connection reset by peer"
    return Words(f"StatusCode.{name}: {text}")


_DIALECTS: dict[str, Callable[[Edge, str], Words]] = {
    "python-requests": _requests,
    "python-aiohttp": _aiohttp,
    "python-botocore": _botocore,
    "node-http": _node,
    "node-aws-sdk": _node,
    "java-httpclient": _java_http_client,
    "java-urlconnection": _java_url_connection,
    "go-http": _go,
    "grpc-python": _grpc,
}


def lookup_error_type(edge: Edge, error_class: str) -> str:
    """`error.type` of the metric `dns.lookup.duration`: getaddrinfo's codes where the runtime keeps them apart."""
    dns = _dns(error_class)
    if edge.dialect.startswith("java"):
        return "java.net.UnknownHostException"
    if edge.dialect.startswith("node"):
        return _NODE.get(dns, "EAI_AGAIN")
    if edge.dialect.startswith("go"):
        return "host_not_found" if dns in ("nodata", "nxdomain") else "try_again"
    return {"nodata": "EAI_NODATA", "nxdomain": "EAI_NONAME"}.get(dns, "EAI_AGAIN")
