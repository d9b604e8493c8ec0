"""The live server among strangers and on a full disk: who is let in, what is refused, and what is never lost."""

from __future__ import annotations

import gzip
import json
import os
import resource
import socket
import ssl
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError

import grpc
import pyarrow.parquet as pq
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.certificates import Pair, authority, client, signed
from tests.collector.journals import one_span
from tests.live.watching import TOML, Watching, folded, left_to_replay, once, watching

ROOT = Path(__file__).parents[2]
TOKEN = "0123456789abcdef-shop"
PROTOBUF = "application/x-protobuf"


def grpc_code(server: Watching, number: int, token: str = "", tls: grpc.ChannelCredentials | None = None) -> Any:
    """What an export of one span over gRPC comes to: a status code, and the error if there is one."""
    where = f"127.0.0.1:{server.grpc}"
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.secure_channel(where, tls) if tls else grpc.insecure_channel(where) as channel:
        try:
            request = ExportTraceServiceRequest.FromString(one_span(number))
            TraceServiceStub(channel).Export(request, metadata=metadata, timeout=30)
        except grpc.RpcError as error:
            return error
    return None


def code(error: Any) -> grpc.StatusCode:
    return grpc.StatusCode.OK if error is None else error.code()


def credentials(trusting: Pair, own: Pair | None = None) -> grpc.ChannelCredentials:
    chain = (own.key.read_bytes(), own.cert.read_bytes()) if own else (None, None)
    return grpc.ssl_channel_credentials(trusting.cert.read_bytes(), *chain)


def test_over_tls_only_clients_with_a_certificate_and_a_token_are_let_in(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"{TOKEN}\n")
    ours, theirs = authority(tmp_path, "ours"), authority(tmp_path, "theirs")
    own, shop, thief = (signed(tmp_path, name, by) for name, by in (("own", ours), ("shop", ours), ("thief", theirs)))
    toml = f"""
[tls]
cert = "{own.cert}"
key = "{own.key}"
client_ca = "{ours.cert}"
[auth]
tokens_file = "{tmp_path / "tokens"}"
"""
    with watching(tmp_path / "data", toml, tls=client(ours, shop)) as server:
        assert server.get("/metrics")[0] == server.post("traces", b"{}")[0] == 401
        assert code(grpc_code(server, 1, "", credentials(ours, shop))) == grpc.StatusCode.UNAUTHENTICATED
        assert code(grpc_code(server, 1, TOKEN[:-1], credentials(ours, shop))) == grpc.StatusCode.UNAUTHENTICATED
        server.headers = {"authorization": f"Bearer {TOKEN}"}
        assert server.get("/metrics")[0] == server.post("traces", b"{}")[0] == 200
        assert code(grpc_code(server, 2, TOKEN, credentials(ours, shop))) == grpc.StatusCode.OK
        for certificate in (None, thief):
            server.tls = client(ours, certificate)
            for port in (server.page, server.http):
                with pytest.raises((URLError, ssl.SSLError, ConnectionError)):
                    server.get("/healthz", port)
            assert code(grpc_code(server, 3, TOKEN, credentials(ours, certificate))) == grpc.StatusCode.UNAVAILABLE
        server.tls = client(ours, shop)
        assert ({"transport": "grpc"}, 1.0) in server.metrics()["epicenter_ingest_spans_total"]
        assert server.stop()[0] == 0


def test_bombs_and_senders_that_dawdle_are_refused_and_harm_nobody(tmp_path: Path) -> None:
    with watching(tmp_path / "data", "[limits]\nrequest_s = 0.5\nunpacked_bytes = 1048576\n") as server:
        bomb = gzip.compress(bytes(100 * 2**20))
        status, said = server.post("traces", bomb, content_encoding="gzip", content_type=PROTOBUF)
        assert (status, "1,048,576 bytes when it is unpacked" in said) == (413, True)
        for port in (server.http, server.page):
            for begun in (b"", b"POST /v1/traces HTTP/1.1\r\nX-Slow: "):
                assert answered(port, begun) == b""  # hung up on
        for begun in (b"", b"PRI * HTTP/2.0\r\n"):
            answered(server.grpc, begun)  # its settings, until it hangs up
        body = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        assert answered(server.http, body).startswith(b"HTTP/1.1 408 ")
        told = server.metrics()["epicenter_ingest_rejected_total"]
        assert ({"signal": "spans", "reason": "too_large"}, 1.0) in told
        assert server.post("traces", b"{}")[0] == 200


def test_a_head_that_is_too_long_is_refused_at_every_address(tmp_path: Path) -> None:
    with watching(tmp_path / "data") as server:  # whose patience with a head, 30 s, does not end it
        # more than is read at once, which is taken whole
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 2**20 + b"\r\n\r\n"
        for port in (server.http, server.page):
            assert answered(port, head).startswith(b"HTTP/1.1 400 ")
        assert code(grpc_code(server, 1, "x" * 100_000)) == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert server.get("/healthz")[0] == 200
        assert code(grpc_code(server, 2)) == grpc.StatusCode.OK


def test_the_page_tells_strangers_nothing_of_the_host_and_is_there_on_one_address_alone(tmp_path: Path) -> None:
    with watching(tmp_path / "data") as server:
        asked = (
            "/",
            "/nope",
            "/incidents/x",
            "/incidents/..%2f..%2fdata",
            "/api/incidents/%00",
        )
        asked += ("/page/../../data", "/api/incidents?x=[", "/healthz", "/readyz", "//etc/passwd", "/%ff")
        for path in asked:
            for method in ("GET", "POST", "BREW"):
                head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                told = answered(server.page, head.encode())
                assert told.split()[1] in (b"200", b"400", b"404", b"405", b"503"), (method, path)
                for secret in (os.fsencode(tmp_path), os.fsencode(ROOT), b"Traceback", b'File "', b".py", b"Error"):
                    assert secret not in told, (method, path)
        for port in (server.page, server.http, server.grpc):
            with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port)):
                pass


def test_idle_connections_leave_descriptors_for_all_else(tmp_path: Path) -> None:
    with watching(tmp_path / "data", files=256) as server, ExitStack() as open_ones:
        for port in (server.http, server.grpc):
            idle = [open_ones.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(150)]
            once(lambda idle=idle: sum(map(hung_up, idle)) >= 150 - 42)
        assert server.get("/readyz")[0] == 200
        metrics = server.metrics()
        assert 2 * 42 < metrics["process_open_fds"][0][1] <= 256 - 42
        assert metrics["epicenter_analysis_failures_total"] == [({}, 0.0)]
        open_ones.close()
        once(lambda: code(grpc_code(server, 1)) == grpc.StatusCode.OK)
        assert server.post("traces", b"{}")[0] == 200
        returned, said = server.stop()
        assert (returned, "connections       42 at each address" in said) == (0, True)


def hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed an idle connection."""
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def test_what_stands_around_the_server_fails_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "files.json").mkdir(parents=True)  # where a file belongs that is read
    with watching(data, f'{TOML}\n[files]\nfolder = "{tmp_path}"\n') as server:
        once(lambda: server.metrics()["epicenter_analysis_failures_total"] == [({}, 1.0)])
        assert server.post("traces", b"{}")[0] == server.get("/readyz")[0] == 200
        assert server.stop()[0] == 0


def answered(port: int, sent: bytes) -> bytes:
    """What comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        found = b""
        with suppress(ConnectionError):  # it need not read all before it answers
            connection.sendall(sent)
        try:
            while more := connection.recv(65536):
                found += more
        except ConnectionError:
            pass
        return found


@contextmanager
def full_disk(server: Watching) -> Generator[None]:
    """The system lets no file of the server grow, as by a quota, until the block ends."""
    pid, (_, most) = server.process.pid, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


def test_a_full_disk_is_told_to_senders_and_probes_ends_by_itself_and_loses_nothing(tmp_path: Path) -> None:
    with watching(tmp_path / "data") as server:
        acknowledged = [1]
        assert server.post("traces", one_span(1), content_type=PROTOBUF)[0] == 200
        with full_disk(server):
            status, said = server.post("traces", b"{}")
            assert (status, json.loads(said)["details"][0]["retryDelay"]) == (503, "4s")
            error = grpc_code(server, 2)
            retry = RetryInfo()
            told = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
            assert (error.code(), told.details[0].Unpack(retry)) == (grpc.StatusCode.UNAVAILABLE, True)
            # there is room on this disk, so the server tries again each second: it must be asked between two tries
            once(lambda: server.post("traces", b"{}")[0] == server.get("/readyz")[0] == 503)
            once(lambda: server.post("traces", b"{}")[0] == 503 and "disk is full" in server.get("/healthz")[1])
            once(lambda: server.post("traces", b"{}") and server.metrics()["epicenter_disk_full"] == [({}, 1.0)])
        once(lambda: server.get("/readyz")[0] == 200)
        assert server.metrics()["epicenter_disk_full"] == [({}, 0.0)]
        assert server.post("traces", one_span(3), content_type=PROTOBUF)[0] == 200
        assert code(grpc_code(server, 4)) == grpc.StatusCode.OK
        acknowledged += [3, 4]
        # they are of long ago: kept, counted as late, and in no window
        once(lambda: ({"signal": "spans"}, 3.0) in server.metrics()["epicenter_late_items_total"])
        assert server.stop()[0] == 0
    assert left_to_replay(tmp_path / "data") == []
    parts = [path for hour in folded(tmp_path / "data") for path in hour.glob("spans*.parquet")]
    assert sorted(int(span, 16) for part in parts for span in pq.read_table(part)["SpanId"].to_pylist()) == acknowledged
