"""A day of a wide estate as detectors see it, drawn straight as the frames of `Windows`: no span is ever made.

1,000 services in six layers and 5,000 edges, in 8,640 windows of 10 s. If every edge were called in every window,
`calls` had 43 million rows; no estate is like that. Users' requests come to the first layer at rates that vary by
orders of magnitude (log-normal, as popularity does), each service hands its requests down in shares that vary as much,
and each edge's calls in a window are a Poisson count of what a sampler keeps (some 55 calls a second in all, which is
100 spans). The sampler's share is set so that some `ROWS` rows are left: 50 edges have calls in nearly every window,
150 in every other one, and half of all in 3 of 1,000.

One in a thousand calls fails without a reason, and users' rates follow the day. In the afternoon one name does not
resolve for twenty minutes: its callers ask twice and fail, as do theirs, up to the users. Each service also counts
its requests, as scraped once a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from epicenter.collector.model import CALL_KEYS, CALLS, CHANGES, LATENCY_BOUNDS_S, SIGNALS, Windows, empty

from .estate import LAYERS, pairs

SERVICES, EDGES = 1000, 5000
WINDOW_S, COUNT, START = 10, 8640, 1_760_918_400
ROWS = 2_000_000
SPREAD = 3.0  # sigma of the logarithm of rates and shares
BACKGROUND = 0.001
OUTAGE = range(5400, 5520)
SCRAPE_WINDOWS = 6
LEAST = 0.003  # calls per window over the least busy edge: some 26 a day, or it would not be known as an edge
AT_A_TIME = 500  # edges drawn at once

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Estate:
    """[edges] each: client (-1: users) and server, calls kept per window; [services] the share that fails in the
    outage; broken: the service whose name does not resolve."""

    client: Ints
    server: Ints
    rate: Floats
    failing: Floats
    broken: int

    @property
    def broken_name(self) -> str:
        return f"{service(self.broken)}.prod.internal"


def service(index: int) -> str:
    return f"service-{index:03d}"


def wide_estate(seed: int = 0) -> Estate:
    """Draw who calls whom and how often."""
    rng = np.random.default_rng(seed)
    layer = np.sort(np.arange(SERVICES) % LAYERS)
    entered = np.flatnonzero(layer == 0)
    edges = np.array(pairs(layer, EDGES, rng), np.int64)
    client = np.concatenate((np.full(len(entered), -1), edges[:, 0]))
    server = np.concatenate((entered, edges[:, 1]))
    share = rng.lognormal(0.0, SPREAD, len(edges))
    share = np.minimum(1.0, share / np.bincount(edges[:, 0], share)[edges[:, 0]] * 2.0)
    coming = np.zeros(SERVICES)
    coming[entered] = rng.lognormal(0.0, SPREAD, len(entered))
    rate = np.concatenate((coming[entered], np.zeros(len(edges))))
    for at, (caller, callee) in enumerate(edges):  # in order of the callers, whose layers come in order
        rate[len(entered) + at] = share[at] * coming[caller]
        coming[callee] += rate[len(entered) + at]
    broken = int(np.argmax(np.where(layer == LAYERS - 2, coming, 0.0)))
    failing = np.zeros(SERVICES)
    for at in range(len(edges) - 1, -1, -1):
        caller, callee = edges[at]
        lost = 1.0 if callee == broken else failing[callee]
        failing[caller] = 1.0 - (1.0 - failing[caller]) * (1.0 - share[at] * lost)
    return Estate(client, server, _sampled(rate), failing, broken)


def _sampled(rate: Floats) -> Floats:
    """The rates times the factor that leaves `ROWS` pairs of edge and window with a call, searched for by halves."""
    low, high = 1e-6, 1e6
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        left = COUNT * (1 - np.exp(-np.maximum(LEAST, middle * rate))).sum()
        low, high = (middle, high) if left < ROWS else (low, middle)
    return np.maximum(LEAST, low * rate)


def write_wide(folder: Path, seed: int = 0) -> Estate:
    """Write the frames as Parquet into `folder`, unless they are there, and return the estate."""
    estate = wide_estate(seed)
    if not (folder / "signals.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([seed, 1])
        rhythm = 1.0 + 0.3 * np.sin(2 * np.pi * np.arange(COUNT) / COUNT)
        parts = [
            _calls(estate, slice(first, first + AT_A_TIME), rhythm, rng)
            for first in range(0, len(estate.rate), AT_A_TIME)
        ]
        order = [(key, "ascending") for key in CALL_KEYS]
        pq.write_table(pa.concat_tables(parts).sort_by(order), folder / "calls.parquet")
        pq.write_table(_signals(estate, rhythm, rng), folder / "signals.parquet")
    return estate


def read_wide(folder: Path) -> Windows:
    """The frames as `observe` hands them over."""
    changes = empty(CHANGES).drop(columns="Timestamp")
    changes.insert(0, "time", pd.Series(dtype="float64"))
    calls, signals = (pq.read_table(folder / f"{name}.parquet").to_pandas() for name in ("calls", "signals"))
    pa.default_memory_pool().release_unused()
    return Windows(WINDOW_S, START, START + COUNT * WINDOW_S, calls, signals, changes)


def _calls(estate: Estate, part: slice, rhythm: Floats, rng: np.random.Generator) -> pa.Table:
    edge, window, attempts = _drawn(rng, estate.rate[part, None] * rhythm)
    client, server = estate.client[part][edge], estate.server[part][edge]
    out = (window >= OUTAGE.start) & (window < OUTAGE.stop)
    unresolved = out & (server == estate.broken)
    requests = attempts.copy()
    attempts = np.where(unresolved, 2 * attempts, attempts)  # each is tried again
    errors = rng.binomial(attempts, np.where(out, np.maximum(estate.failing[server], BACKGROUND), BACKGROUND))
    nodata = np.where(unresolved, attempts, 0)
    late = rng.binomial(np.where(unresolved, 0, errors), np.where(out, 0.0, 0.1))
    errors = np.where(unresolved, attempts, errors)
    spent = attempts * np.where(unresolved, 2_000_000, 10_000_000 + server * 100_000)
    called, answered = client >= 0, ~unresolved
    bucket = np.searchsorted(LATENCY_BOUNDS_S, np.maximum(spent, 1) / np.maximum(attempts, 1) / 1e9)
    names = np.array([service(index) for index in range(SERVICES)] + [""])  # -1 is nobody
    hosts = np.array([f"{name}.prod.internal" for name in names])
    traces = _traces(rng, len(edge))
    columns = {
        "window": START + WINDOW_S * window,
        "client": names[client],
        "server": np.where(unresolved, "", names[server]),
        "peer": np.where(called, hosts[server], ""),
        "attempts": attempts,
        "originals": requests,
        "answered": np.where(answered, attempts, 0),
        "unanswered": np.where(answered, 0, attempts),
        "entries": np.where(called, 0, attempts),
        "errors": errors,
        "errors_dns_nodata": nodata,
        "errors_deadline": late,
        "errors_server": errors - nodata - late,
        "client_ns": np.where(called, spent + 2_000_000 * attempts, 0),
        "server_ns": np.where(answered, spent, 0),
        "uncovered_ns": np.where(called & answered, 2_000_000 * attempts, 0),
        "unanswered_ns": np.where(answered, 0, spent),
        **{f"latency_{at:02d}": np.where(bucket == at, attempts, 0) for at in range(len(LATENCY_BOUNDS_S) + 1)},
        "example_trace": traces,
        "error_trace": np.where(errors > 0, np.array(traces.to_pylist()), ""),
    }
    nothing = np.zeros(len(edge), np.int64)
    return pa.table({name: columns.get(name, nothing) for name in CALLS.names}).cast(CALLS)


def _signals(estate: Estate, rhythm: Floats, rng: np.random.Generator) -> pa.Table:
    """Requests of each service, a hundred for each that the sampler kept."""
    rate = 100.0 * np.bincount(estate.server, estate.rate, SERVICES)
    told, scrape, value = _drawn(rng, SCRAPE_WINDOWS * rate[:, None] * rhythm[::SCRAPE_WINDOWS])
    order = np.lexsort((told, scrape))
    names = np.array([service(index) for index in range(SERVICES)])
    columns = {
        "window": START + WINDOW_S * SCRAPE_WINDOWS * scrape[order],
        "component": names[told[order]],
        "concept": np.full(len(told), "requests"),
        "item": np.full(len(told), ""),
        **{name: value[order].astype(np.float64) for name in ("value", "low", "high")},
    }
    return pa.table(columns).cast(SIGNALS)


def _drawn(rng: np.random.Generator, expected: Floats) -> tuple[Ints, Ints, Ints]:
    """Row, column and count of the Poisson counts that are not nought."""
    counts = rng.poisson(expected)
    row, column = np.nonzero(counts)
    return row, column, counts[row, column]


def _traces(rng: np.random.Generator, count: int) -> pa.Array:
    """As many trace ids."""
    text = rng.bytes(16 * count).hex().encode()
    offsets = np.arange(count + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))
