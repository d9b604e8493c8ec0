"""What `epicenter watch` can be told: every key with its default, its rule and what it means."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

ALERTMANAGER_TOKEN = "EPICENTER_ALERTMANAGER_TOKEN"
"""Of the environment alone, since everybody on the machine can read a command's arguments."""

_GIB, _MIB = 2**30, 2**20


def _says(what: str) -> Meta:
    return Meta(description=what)


class Listen(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens, as HOST:PORT; port 0 takes a free one."""

    grpc: Annotated[str, _says('OTLP/gRPC, HOST:PORT; "" for none')] = "127.0.0.1:4317"
    http: Annotated[str, _says('OTLP/HTTP, HOST:PORT; "" for none')] = "127.0.0.1:4318"
    page: Annotated[str, _says("the page, /metrics and /healthz, HOST:PORT")] = "127.0.0.1:9465"
    insecure: Annotated[bool, _says("listen on public addresses without TLS and a token")] = False


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """Certificates in PEM, for all three addresses."""

    cert: Annotated[str, _says('file of the certificate and its chain; "" for no TLS')] = ""
    key: Annotated[str, _says("file of its key")] = ""
    client_ca: Annotated[str, _says("file of the authorities whose clients are let in (mTLS)")] = ""


class Auth(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is let in."""

    tokens_file: Annotated[str, _says('file of bearer tokens, one a line; "" to ask for none')] = ""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken at the most."""

    body_bytes: Annotated[int, _says("of one request as it comes"), Meta(ge=1024)] = 20 * _MIB
    unpacked_bytes: Annotated[int, _says("of one request when it is unpacked"), Meta(ge=1024)] = 64 * _MIB
    held_bytes: Annotated[int, _says("of all requests that are being taken"), Meta(ge=1024)] = 128 * _MIB
    request_s: Annotated[float, _says("seconds for headers or gRPC's handshake, and for a body"), Meta(gt=0)] = 30.0
    connections: Annotated[int, _says("open at once at each address; fewer where files are few"), Meta(ge=1)] = 4_000
    memory_bytes: Annotated[int, _says("with what folds: nothing is taken at 95 %"), Meta(ge=64 * _MIB)] = 2 * _GIB
    services: Annotated[int, _says("services known by name; the rest is __overflow__"), Meta(ge=1)] = 2_000
    edges: Annotated[int, _says("edges (client, server, peer) kept apart"), Meta(ge=1)] = 10_000
    names: Annotated[int, _says("host names that are called"), Meta(ge=1)] = 5_000
    service_edges: Annotated[int, _says("edges, and so names, of one service that calls"), Meta(ge=1)] = 500
    series: Annotated[int, _says("series of metrics known by name; the rest is folded"), Meta(ge=1)] = 100_000
    service_series: Annotated[int, _says("of one `service.name`; the rest is folded"), Meta(ge=1)] = 50_000
    folded_series: Annotated[int, _says("series that are folded; the rest is left out"), Meta(ge=0)] = 100_000


class Windows(Struct, frozen=True, forbid_unknown_fields=True):
    """How time is cut."""

    window_s: Annotated[int, _says("length of a window in seconds"), Meta(ge=1, le=3600)] = 60
    lateness_s: Annotated[int, _says("how late data may come and still change past windows"), Meta(ge=1)] = 60
    keep_s: Annotated[int, _says("how far back the running analysis looks"), Meta(ge=600)] = 86_400
    rows: Annotated[int, _says("rows (edge, window) kept; the oldest windows go first"), Meta(ge=1_000)] = 300_000


class Keep(Struct, frozen=True, forbid_unknown_fields=True):
    """How long recordings stay."""

    age_s: Annotated[int, _says("seconds; 0: without end"), Meta(ge=0)] = 7 * 86_400
    bytes: Annotated[int, _says("of all recordings; 0: no end"), Meta(ge=0)] = 20 * _GIB
    incidents: Annotated[int, _says("past incidents that are listed"), Meta(ge=1)] = 200


class Prometheus(Struct, frozen=True, forbid_unknown_fields=True):
    """A Prometheus-compatible API that is polled."""

    url: Annotated[str, _says('such as http://localhost:9090; "" for none')] = ""
    names: Annotated[dict[str, str], _says("your own metric names, each with the known name that it means")] = field(
        default_factory=dict[str, str]
    )


class Alertmanager(Struct, frozen=True, forbid_unknown_fields=True):
    """An Alertmanager that incidents are pushed to."""

    url: Annotated[str, _says('such as http://localhost:9093; "" for none')] = ""
    page_url: Annotated[str, _says('the page as your team reaches it, for links; "" for listen.page')] = ""
    runbook_url: Annotated[str, _says('docs/alertmanager.md as your team reaches it; "" for its path')] = ""


class Files(Struct, frozen=True, forbid_unknown_fields=True):
    """Files that a Collector's file exporter writes."""

    folder: Annotated[str, _says('folder of OTLP JSON files to follow; "" for none')] = ""


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    data: Annotated[str, _says("folder of the log, the recordings and the past incidents")] = "epicenter-data"
    listen: Listen = Listen()
    tls: Tls = Tls()
    auth: Auth = Auth()
    limits: Limits = Limits()
    windows: Windows = Windows()
    keep: Keep = Keep()
    prometheus: Prometheus = Prometheus()
    alertmanager: Alertmanager = Alertmanager()
    files: Files = Files()
