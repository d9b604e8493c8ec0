"""The whole cluster: `kube`, with the scrapes of all that runs and watches it, and the pods of its timer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from .base import Family, Sampled
from .grid import Grid
from .kube import kube
from .shapes import gauges
from .targets import CADVISOR, scrapes
from .workloads import timer_waits


def cluster(grid: Grid) -> Iterator[Family]:
    """Scrapes, pods, deployments, nodes and containers."""
    own = {"up": scrapes, "kube_pod_container_status_waiting_reason": timer_waits}
    for family in kube(grid):
        rows = own[family.name](grid) if family.name in own else ()
        told = map(_of_cadvisor, family.series) if family.name.startswith("container_") else family.series
        yield replace(family, series=chain(told, gauges(family.name, "", rows).series))


def _of_cadvisor(one: Sampled) -> Sampled:
    """In the job that kubernetes-mixin gives it unless told otherwise, as it does all other jobs here."""
    return replace(one, labels={**one.labels, "job": CADVISOR})
