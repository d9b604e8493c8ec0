"""Samples that are ready to be played over: what is there, and a Prometheus of our own that has it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from .prometheus import Prometheus, private
from .write import Series

Scraped = Mapping[str, Mapping[str, set[str]]]
"""Metric -> label -> its values, of what is loaded."""
Private = Callable[[], AbstractContextManager[Prometheus]]


@dataclass(frozen=True)
class Load:
    """What is loaded, and a server that has it until its block ends; it may be asked for again where one died.

    Raises MissingTool, and Refused or Unreachable where it cannot be loaded.
    """

    scraped: Scraped
    served: Private


def written(series: Sequence[Series], server: Private = private) -> Load:
    """These series, written to an empty server as it starts."""
    return Load(scraped_in(series), partial(_written, series, server))


def scraped_in(series: Iterable[Series]) -> Scraped:
    """The metrics of these series, with their labels."""
    found: dict[str, dict[str, set[str]]] = {}
    for one in series:
        labels = found.setdefault(one.labels["__name__"], {})
        for name, value in one.labels.items():
            labels.setdefault(name, set()).add(value)
    return found


@contextmanager
def _written(series: Sequence[Series], server: Private) -> Generator[Prometheus]:
    with server() as prometheus:
        prometheus.write(series)
        yield prometheus
