"""The one model: the only place where column names live.

Telemetry from anywhere becomes four Arrow tables (`SPANS`, `LOGS`, `SAMPLES`, `CHANGES`);
from them come three small frames (`CALLS`, `SIGNALS`, `CHANGES` again), which are all that
a detector ever sees, gathered in `Windows`.

Times in the tables are nanoseconds of UTC without a zone, since DuckDB keeps nanoseconds only
then; times in the frames are Unix seconds.

Sources: the span and log columns are those of the OpenTelemetry Collector's ClickHouse
exporter (`otel_traces`, `otel_logs`), so that a user's own export is read as it is; samples
follow the Prometheus data model.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    # what folds recordings beside a server under load makes no frames, and pandas is a third of its memory
    import pandas as pd

    from .edges import Edges

TIME = pa.timestamp("ns")
ATTRIBUTES = pa.map_(pa.string(), pa.string())

SPANS = pa.schema(
    [
        ("Timestamp", TIME),  # start
        ("TraceId", pa.string()),  # lower-case hex
        ("SpanId", pa.string()),
        ("ParentSpanId", pa.string()),  # "" for a root
        ("SpanName", pa.string()),
        ("SpanKind", pa.string()),  # Client, Server, Internal, Producer, Consumer; "" = not recorded
        ("ServiceName", pa.string()),
        ("Duration", pa.int64()),  # ns
        ("StatusCode", pa.string()),  # Unset, Ok, Error; "" = not recorded
        ("StatusMessage", pa.string()),
        ("ResourceAttributes", ATTRIBUTES),
        ("SpanAttributes", ATTRIBUTES),
        ("Events", pa.list_(pa.struct([("Timestamp", TIME), ("Name", pa.string()), ("Attributes", ATTRIBUTES)]))),
    ]
)
"""One row a span. Only the first four columns, ServiceName and Duration are required of a file."""

SPANS_REQUIRED = ("Timestamp", "TraceId", "SpanId", "ParentSpanId", "ServiceName", "Duration")

LOGS = pa.schema(
    [
        ("Timestamp", TIME),
        ("TraceId", pa.string()),
        ("SpanId", pa.string()),
        ("SeverityText", pa.string()),
        ("ServiceName", pa.string()),
        ("Body", pa.string()),
        ("EventName", pa.string()),
        ("ResourceAttributes", ATTRIBUTES),
        ("LogAttributes", ATTRIBUTES),
    ]
)
"""One row a log record. OpenTelemetry moves exceptions from span events to log records, so these tell of calls too."""

SAMPLES = pa.schema(
    [
        ("Timestamp", TIME),
        ("Name", pa.string()),  # Prometheus name, after the OTLP-to-Prometheus translation
        ("Labels", ATTRIBUTES),  # sorted by key; without __name__
        ("Value", pa.float64()),
    ]
)
"""One row a sample."""

CHANGES = pa.schema(
    [
        ("Timestamp", TIME),
        ("Kind", pa.string()),  # one of CHANGE_KINDS
        ("Target", pa.string()),  # the name, service or resource that was changed
        ("Actor", pa.string()),  # who or which writer did it
        ("Generation", pa.int64()),  # of the plan, zone or release written; null = not known
        ("Answers", pa.int64()),  # addresses behind Target after the change; null = not known
        ("Outcome", pa.string()),  # "ok" or the failure's text
        ("Detail", pa.string()),
    ]
)
"""One row a change that somebody or something made to the estate."""

CHANGE_KINDS = (
    "record.upsert",  # the record set at Target now points at Generation
    "record.delete",  # the tree of Generation behind Target was deleted
    "record.lock",  # Actor tried to take Target's lock
    "deploy",
    "restart",
    "scale",
    "throttle",  # a limit was set, changed or lifted
    "failover",  # automatic or manual failover was switched or happened
    "manual",  # anything else that a person did
)

TABLES = {"spans": SPANS, "logs": LOGS, "samples": SAMPLES, "changes": CHANGES}
"""Table name -> schema; also the file name prefixes of a recording."""

DNS_CLASSES = ("nodata", "nxdomain", "servfail", "refused", "timeout", "temporary", "unspecified")
"""How a resolution failed, as far as the client's words tell (facts: measured client texts).

"temporary" (EAI_AGAIN) is said of a server that failed, refused or kept silent, never of an answer without addresses.
"unspecified" may be any.
"""

ERROR_CLASSES = (*(f"dns_{name}" for name in DNS_CLASSES), "connect", "deadline", "server", "other")
"""How a call failed: at resolution; while connecting; out of time; with a server's error; otherwise.

Each failed attempt has exactly one class.
"""

LATENCY_BOUNDS_S = np.array([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60])
"""Inclusive upper bounds of all latency buckets but the last, which is open; fixed, so histograms merge by addition."""

LATENCY_COLUMNS = tuple(f"latency_{i:02d}" for i in range(len(LATENCY_BOUNDS_S) + 1))

DNS_ERRORS = tuple(f"errors_dns_{name}" for name in DNS_CLASSES)
"""The columns of `CALLS` that count failed resolutions."""

EDGE_KEYS = ("client", "server", "peer")
CALL_KEYS = ("window", *EDGE_KEYS)
CALL_COUNTS = (
    "attempts",  # every try: a client span, or a server span whose client was not seen
    "originals",  # attempts that are not a retry of an earlier sibling
    "answered",  # attempts with a server span on the other side
    "unanswered",  # client spans that caused no server span
    "entries",  # attempts without any caller in the telemetry: where users come in
    "errors",  # attempts that failed
    *(f"errors_{name}" for name in ERROR_CLASSES),  # they add up to `errors`
    "refused",  # of errors_connect, those of which the client says so: nobody listened
    "wasted",  # answered attempts whose client gave up before the server had finished
    "client_ns",  # summed over client spans
    "server_ns",  # summed over server spans
    "uncovered_ns",  # sum over answered attempts of max(0, client duration - server duration); booked on the callee
    "unanswered_ns",  # client_ns of the unanswered
    *LATENCY_COLUMNS,  # of the attempt as its client saw it, or the server's where no client was seen
)
CALL_EXAMPLES = ("example_trace", "error_trace")
"""One trace id of the row, and one of its failed attempts ("" where there is none): evidence to click through.

It is the one whose hash is smallest, which any split and order of the traces leads to.
"""

CALLS = pa.schema(
    [("window", pa.int64())]
    + [(name, pa.string()) for name in CALL_KEYS[1:]]
    + [(name, pa.int64()) for name in CALL_COUNTS]
    + [(name, pa.string()) for name in CALL_EXAMPLES]
)
"""One row per (window, client, server, peer).

window: start of the window in Unix seconds, a multiple of the window length, by the client's clock where there is one.
client: service of the caller; "" = nobody seen.
server: service that answered, or "" where no attempt of the row was answered.
peer:   host name that the caller addressed, without port, or its peer service; "" = not recorded.

All counts are integers that merge by addition, so partials of disjoint sets of traces merge in any order.
"""

SIGNALS = pa.schema(
    [
        ("window", pa.int64()),
        ("component", pa.string()),  # service, host name or resource that the signal is about
        ("concept", pa.string()),  # one of concepts.CONCEPTS
        ("item", pa.string()),  # what the concept is split by (an rcode, an outcome, a stage); "" if nothing
        ("value", pa.float64()),  # increase over the window for counters, mean for gauges
        ("low", pa.float64()),  # smallest and greatest single sample (gauges) or per-series increase (counters)
        ("high", pa.float64()),
    ]
)
"""One row per (window, component, concept, item)."""

TEXTS = pa.schema(
    [
        ("window", pa.int64()),
        ("component", pa.string()),  # the service that failed, or the host that its client addressed
        ("side", pa.string()),  # who says it: "server" (the component itself) or "client" (who called it)
        ("text", pa.string()),  # what varies masked as #; "" = words that are known, none, or too rare to be kept
        ("failed", pa.int64()),  # failed spans
    ]
)
"""One row per (window, component, side, text): what failures say that no class knows; all failed spans are counted."""

VERSIONS = pa.schema([("window", pa.int64()), ("service", pa.string()), ("version", pa.string())])
"""Windows in which a service was seen in a version: the first of each, or live all that are kept."""

Versions = Mapping[tuple[str, str], int]
"""(service, version) -> start of the first window in which it was seen, in Unix seconds."""


def empty(schema: pa.Schema) -> pd.DataFrame:
    """A frame of no rows with the schema's columns and types."""
    return schema.empty_table().to_pandas()


@dataclass(frozen=True)
class Windows:
    """What a detector sees: four frames, the window length, and the span of time they cover.

    calls, signals: columns of `CALLS` and `SIGNALS`, ordered by their keys.
    changes: columns of `CHANGES`, with `Timestamp` replaced by `time` in Unix seconds (float), ordered by time.
    texts: columns of `TEXTS`, ordered by all of them; they say something to people, and decide nothing.
    versions: which versions of services were seen, and since when.
    start, end: Unix seconds; the first and one past the last moment observed, multiples of `window_s`.
    past: what an analysis leaves for the next one, of the same windows and more. It saves work and decides nothing;
        None where none follows.
    """

    window_s: int
    start: int
    end: int
    calls: pd.DataFrame
    signals: pd.DataFrame
    changes: pd.DataFrame
    texts: pd.DataFrame = field(default_factory=lambda: empty(TEXTS))
    versions: Versions = field(default_factory=dict[tuple[str, str], int])
    past: MutableMapping[str, object] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def edges(self) -> Edges:
        """The edges of `calls`, told once."""
        from .edges import edges_of

        return edges_of(self.calls)

    @cached_property
    def concepts(self) -> dict[str, npt.NDArray[np.int64]]:
        """The rows of `signals` about each concept that it tells of."""
        codes, different = self.signals["concept"].factorize()
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(different)))
        return dict(zip(map(str, different), np.split(order, ends[:-1]), strict=True)) if len(different) else {}

    def with_edges(self, edges: Edges) -> Windows:
        """The same windows, for whoever knows their edges already."""
        known = replace(self)
        vars(known)["edges"] = edges
        return known
