"""All dialects of metrics, by the names under which a `Mix` lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .base import Family
from .blackbox import blackbox
from .cadvisor import cadvisor
from .certificates import certificates
from .cloudwatch import cloudwatch
from .cluster import cluster
from .control import control
from .coredns import coredns
from .coroot import coroot
from .envoy import envoy, envoy_pods
from .etcd import etcd
from .grid import Grid
from .grpc import grpc
from .haproxy import haproxy
from .hubble import hubble
from .ingress import ingress
from .istio import istio
from .kube import kube
from .kubelet import kubelet
from .listeners import listeners
from .monitoring import monitoring
from .nodes import nodes
from .otelcol import otelcol
from .pings import pings
from .queues import queues
from .redis import redis
from .runtimes import runtimes
from .semconv import semconv, semconv_pods
from .servers import servers
from .servicegraph import servicegraph
from .spanmetrics import connector, plain, tempo
from .unbound import unbound
from .workloads import workloads
from .world import world
from .yace import yace

Dialect = Callable[[Grid], Iterator[Family]]

DIALECTS: dict[str, Dialect] = {
    "semconv": semconv,
    "semconv-pods": semconv_pods,
    "spanmetrics": connector,
    "spanmetrics-tempo": tempo,
    "spanmetrics-plain": plain,
    "servicegraph": servicegraph,
    "coredns": coredns,
    "hubble": hubble,
    "unbound": unbound,
    "coroot": coroot,
    "blackbox": blackbox,
    "envoy": envoy,
    "envoy-pods": envoy_pods,
    "grpc": grpc,
    "redis": redis,
    "yace": yace,
    "kube": kube,
    "queues": queues,
    "world": world,
    "servers": servers,
    "cluster": cluster,
    "workloads": workloads,
    "kubelet": kubelet,
    "control-plane": control,
    "etcd": etcd,
    "nodes": nodes,
    "monitoring": monitoring,
    "otelcol": otelcol,
    "haproxy": haproxy,
    "envoy-listeners": listeners,
    "cloudwatch": cloudwatch,
    "pings": pings,
    "cadvisor": cadvisor,
    "runtimes": runtimes,
    "istio": istio,
    "ingress": ingress,
    "certificates": certificates,
}
"""`semconv` and `semconv-pods`, `envoy` and `envoy-pods`, `kube` and `cluster` tell the same: an estate has one."""

FOR_RULES = tuple(list(DIALECTS)[list(DIALECTS).index("servers") :])
"""What tells of the machinery around the services, for alert rules alone: no mix has it, so no recording of one."""
