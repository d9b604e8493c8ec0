"""All dialects of metrics, by the names under which a `Mix` lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .base import Family
from .blackbox import blackbox
from .coredns import coredns
from .coroot import coroot
from .envoy import envoy
from .grid import Grid
from .grpc import grpc
from .hubble import hubble
from .kube import kube
from .queues import queues
from .redis import redis
from .semconv import semconv, semconv_pods
from .servicegraph import servicegraph
from .spanmetrics import connector, plain, tempo
from .unbound import unbound
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
    "grpc": grpc,
    "redis": redis,
    "yace": yace,
    "kube": kube,
    "queues": queues,
    "world": world,
}
"""`semconv` and `semconv-pods` tell the same names: an estate has one of them."""
