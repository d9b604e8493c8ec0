"""The whole cluster: `kube`, with the scrapes of all that runs and watches it, and the pods of its timer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from .base import Family, Sampled, tidy
from .cadvisor import scraped
from .grid import Grid
from .kube import identified, kube, pods
from .shapes import gauges
from .targets import scrapes
from .workloads import timer_waits


def cluster(grid: Grid) -> Iterator[Family]:
    """Scrapes, pods, deployments, nodes and containers."""
    numbers = {labels["pod"]: number for _, number, labels, _ in pods(grid)}

    def of_cadvisor(one: Sampled) -> Sampled:
        return replace(one, labels=tidy(scraped(one.labels, numbers[one.labels["pod"]])))

    own = {"up": scrapes, "kube_pod_container_status_waiting_reason": timer_waits}
    for family in kube(grid):
        rows = own[family.name](grid) if family.name in own else ()
        series = chain(family.series, gauges(family.name, "", rows).series)
        of = of_cadvisor if family.name.startswith("container_") else _of_state
        yield replace(family, series=map(of, series) if family.name != "up" else series)


def _of_state(one: Sampled) -> Sampled:
    return replace(one, labels=tidy(identified(one.labels))) if "pod" in one.labels else one
