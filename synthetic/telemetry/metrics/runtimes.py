"""What the runtimes of processes tell: Go, Java and Python under the services, Go under Prometheus and Alertmanager.

A request that a process holds costs it memory, a goroutine of Go and a connection; the garbage that it leaves is
collected once there is as much of it as of what lives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from .base import Family, Floats, Labels, Sampled, tidy
from .containers import BASE_BYTES, cpu_s, memory_bytes
from .envoy import sidecar
from .grid import Grid, Part
from .machines import MEMORY_LIMIT, wobble
from .monitoring import programs
from .shapes import gauges

_LIVES, _SPANS, _SYSTEM = 0.4, 1.1, 1.15
"""Of a process' memory, what lives on its heap; spans of the heap against what is in them; all that the runtime got of
the operating system against what is in use (assumed)."""
_HEAP_MAX_BYTES = 0.75 * MEMORY_LIMIT
"""As containers of Java are told (MaxRAMPercentage=75)."""
_GARBAGE_BYTES, _IDLE_GARBAGE = 120e3, 300e3
"""Left by each request, and each second by a process at rest (assumed)."""
_OBJECT_BYTES, _STACK_BYTES = 90.0, 8192.0
_PAUSE_S = 0.0004
"""Of one collection of Go (assumed)."""
_GOROUTINES, _THREADS, _DESCRIPTORS = 14.0, 9.0, 16.0
"""Of a process at rest (assumed)."""
_PER_REQUEST = 2.0
"""Goroutines for each request under way: its own, and that of its connection."""
_MAX_DESCRIPTORS = 1_048_576.0
"""As containers get them."""
_VIRTUAL = {"go": 1.25e9, "python": 3.5e8}
"""Address space beside what is in use (assumed)."""
_SURVIVES = 0.1
"""Share of Python's youngest collections that go on to the next generation, and of those again."""
_CYCLES = 0.01
"""Objects of Python in cycles, which only the collector frees, per byte of garbage in objects (assumed)."""


@dataclass(frozen=True)
class Process:
    """One process. memory, held [K]: bytes in use and requests under way; NaN while it does not run.

    garbage, cpu_s [T]: bytes that it leaves and seconds that it computes in each tick, for `part` to take its share of.
    """

    labels: Labels
    language: str
    part: Part
    memory: Floats
    held: Floats
    garbage: Floats
    cpu_s: Floats


Of = Callable[[Process], Floats]


def runtimes(grid: Grid) -> Iterator[Family]:
    """Gauges and counters of every process that runs, by the client library of its language."""
    every = [*_services(grid), *_programs(grid)]
    go, java, python = ([one for one in every if one.language == name] for name in ("go", "java", "python"))
    for name, told, of in _go(grid):
        yield gauges(f"go_{name}", told, _rows(go, of))
    allocated = _counted(grid, go, lambda one: one.garbage)
    yield Family("go_memstats_alloc_bytes_total", "counter", "Bytes allocated, freed ones included.", allocated)
    yield _collections(grid, go)
    for name, told, of in (
        (
            "used_bytes",
            "Bytes of an area of memory that are in use.",
            lambda one: np.minimum(0.97 * _HEAP_MAX_BYTES, _heap(grid, one)),
        ),
        ("max_bytes", "Bytes that an area of memory may have.", lambda one: _HEAP_MAX_BYTES + 0.0 * one.memory),
    ):
        heap = (({**one.labels, "area": "heap", "id": "Tenured Gen"}, of(one)) for one in java)
        yield gauges(f"jvm_memory_{name}", told, heap)
    yield from _python(grid, python)
    yield from _processes(grid, [*go, *python])


def _services(grid: Grid) -> Iterator[Process]:
    history = grid.history
    for s, service in enumerate(history.services):
        if not service.instrumented:
            continue
        for part in grid.parts(service.name, pods=True):
            under_way = history.served[:, s] / history.tick_s * history.latency_s[:, s] + history.queue_depth[:, s]
            labels = {"job": service.name, **sidecar(service.name, part.pod or 0)}
            garbage = _GARBAGE_BYTES * history.served[:, s] + 3.0 * _IDLE_GARBAGE * history.tick_s
            garbage = garbage * wobble(history, f"{labels['instance']}/garbage", 0.1)
            there = np.where(part.there, 1.0, np.nan)
            held = grid.state(under_way * part.share) * there
            memory = memory_bytes(grid, s, part) * there
            yield Process(labels, service.language, part, memory, held, garbage, cpu_s(grid, s))


def _programs(grid: Grid) -> Iterator[Process]:
    whole, history = grid.parts("")[0], grid.history
    for labels, memory, work in programs(history):
        noise = wobble(history, f"{labels['pod']}/garbage", 0.1)
        garbage = (_IDLE_GARBAGE + 40.0 * work) * history.tick_s * noise
        cores = (0.01 + 2e-5 * work) * history.tick_s * noise
        yield Process(labels, "go", whole, grid.state(memory), grid.state(work) / 300.0, garbage, cores)


def _rows(processes: Iterable[Process], of: Of) -> Iterator[tuple[Labels, Floats]]:
    return ((one.labels, of(one)) for one in processes)


def _counted(
    grid: Grid, processes: Iterable[Process], of: Of, suffix: str = "", *, whole: bool = True, **labels: str
) -> Iterator[Sampled]:
    """Counters that begin anew with each start of a process; of whole things but for those of seconds and sums."""
    for one in processes:
        count = grid.counter(of(one), one.part)
        count = np.floor(count + 1e-6) if whole else count
        yield Sampled(suffix, tidy({**one.labels, **labels}), np.where(one.part.there, count, np.nan))


def _heap(grid: Grid, one: Process) -> Floats:
    """What lives, and the garbage since the last collection: as much again at the most."""
    lives = _LIVES * one.memory
    return lives + np.mod(grid.counter(one.garbage, one.part), lives)


def _goroutines(one: Process) -> Floats:
    return np.round(_GOROUTINES + _PER_REQUEST * one.held)


def _python(grid: Grid, processes: list[Process]) -> Iterator[Family]:
    def objects(one: Process) -> Floats:
        return _CYCLES * one.garbage / _OBJECT_BYTES

    def rows(of: Of, each: float) -> Iterator[Sampled]:
        for generation in range(3):
            share = _SURVIVES**generation / each
            yield from _counted(grid, processes, lambda one, share=share: share * of(one), generation=str(generation))

    told = "Objects in cycles that were freed."
    yield Family("python_gc_objects_collected_total", "counter", told, rows(objects, 1.0))
    told = "Objects in cycles that could not be freed."
    yield Family("python_gc_objects_uncollectable_total", "counter", told, rows(lambda one: 0.0 * objects(one), 1.0))
    told = "Collections by generation; the youngest begins at 700 new objects."
    yield Family("python_gc_collections_total", "counter", told, rows(objects, 700.0))


def _collections(grid: Grid, processes: list[Process]) -> Family:
    """Pauses of Go's collector, of which there is one each time that what lives was left again as garbage."""
    least = _LIVES * BASE_BYTES
    quantiles = (
        Sampled("", tidy({**one.labels, "quantile": q}), times * _PAUSE_S * (1.0 + 0.002 * one.held))
        for one in processes
        for q, times in (("0", 0.1), ("0.25", 0.2), ("0.5", 0.5), ("0.75", 1.0), ("1", 4.0))
    )
    told = "Pauses of the garbage collector."
    whole = (
        series
        for suffix, each in (("_sum", _PAUSE_S), ("_count", 1.0))
        for series in _counted(
            grid, processes, lambda one, each=each: each * one.garbage / least, suffix, whole=suffix == "_count"
        )
    )
    return Family("go_gc_duration_seconds", "summary", told, chain(quantiles, whole))


def _processes(grid: Grid, processes: list[Process]) -> Iterator[Family]:
    """As Prometheus' client libraries tell of any process on Linux."""
    for name, told, of in (
        ("open_fds", "File descriptors in use.", lambda one: np.round(_DESCRIPTORS + 1.2 * one.held)),
        ("max_fds", "File descriptors that may be in use.", lambda one: _MAX_DESCRIPTORS + 0.0 * one.memory),
        ("resident_memory_bytes", "Memory that is in use.", lambda one: one.memory),
        ("virtual_memory_bytes", "Address space.", lambda one: _VIRTUAL[one.language] + one.memory),
    ):
        yield gauges(f"process_{name}", told, _rows(processes, of))
    computed = _counted(grid, processes, lambda one: one.cpu_s, whole=False)
    yield Family("process_cpu_seconds_total", "counter", "Seconds that a process computed.", computed)


def _go(grid: Grid) -> tuple[tuple[str, str, Of], ...]:
    return (
        ("goroutines", "Goroutines that there are.", _goroutines),
        ("threads", "Threads of the operating system.", lambda one: np.round(_THREADS + np.sqrt(one.held))),
        ("memstats_heap_alloc_bytes", "Bytes of the heap, garbage included.", partial(_heap, grid)),
        (
            "memstats_heap_inuse_bytes",
            "Bytes of the heap's spans that are in use.",
            lambda one: _SPANS * _heap(grid, one),
        ),
        ("memstats_heap_objects", "Objects on the heap.", lambda one: np.round(_heap(grid, one) / _OBJECT_BYTES)),
        ("memstats_stack_inuse_bytes", "Bytes of stacks.", lambda one: _STACK_BYTES * _goroutines(one)),
        ("memstats_sys_bytes", "Bytes that were got of the operating system.", lambda one: _SYSTEM * one.memory),
    )
