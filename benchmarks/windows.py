"""Windows over many spans, beside the bare DuckDB self-join and group-by of the same file.

Each side runs in a process of its own, so that neither warms the other and the peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from epicenter.collector.recording import open_recording
from epicenter.collector.windows import edge_calls

WINDOW_S = 10
ROUNDS = 3


def make_spans(path: Path, spans: int) -> None:
    """Write `spans` spans, 10 a trace: a root server span, then pairs of client and server spans three calls deep.

    An hour of 100 kinds of request over 60 services: some 300,000 groups of edge and window.
    """
    traces = spans // 10
    aside = path.with_suffix(".partial")
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (
                with numbered as (
                    select trace, i, (hash(trace) % 3600000)::bigint as start_ms,
                        [0, 0, 1, 0, 3, 4, 5, 0, 7, 8][i + 1] as parent,
                        [0, 0, 1, 0, 2, 2, 3, 0, 4, 4][i + 1] as hop
                    from range({traces}) t(trace), range(10) s(i)
                )
                select make_timestamp_ns((1760940000000 + start_ms + i) * 1000000) as Timestamp,
                    md5('t' || trace) as TraceId, md5('s' || trace || '-' || i)[1:16] as SpanId,
                    case when i = 0 then '' else md5('s' || trace || '-' || parent)[1:16] end as ParentSpanId,
                    'service-' || (hash(trace % 100, hop) % 60) as ServiceName, 'call' as SpanName,
                    case when i in (1, 3, 5, 7) then 'Client' else 'Server' end as SpanKind,
                    case when hash(trace, i) % 100 = 0 then 'Error' else 'Unset' end as StatusCode,
                    (1000000 * (11 - i) + hash(trace, i, 'd') % 1000000)::bigint as Duration
                from numbered
            ) to '{aside}' (format parquet, compression zstd)"""
        )
    aside.rename(path)


def bare(path: Path) -> int:
    """The least that any answer needs: children joined to parents, counted by window and edge."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""select epoch_ns(c.Timestamp) // 1000000000 // {WINDOW_S} as w, p.ServiceName, c.ServiceName, count(*),
                count_if(c.StatusCode = 'Error'), sum(p.Duration - c.Duration), max(c.Duration)
            from read_parquet('{path}') c join read_parquet('{path}') p
                on c.TraceId = p.TraceId and c.ParentSpanId = p.SpanId
            group by all"""
        ).fetchall()
    return len(rows)


def ours(path: Path) -> int:
    """The whole of `edge_calls`."""
    connection = open_recording([path], scratch=path.parent).connect()
    rows = edge_calls(connection, WINDOW_S).num_rows
    connection.close()
    return rows


def run(options: argparse.Namespace) -> None:
    path = options.scratch / f"spans-{options.spans}.parquet"
    if not path.exists():
        make_spans(path, options.spans)
    print(
        f"{options.spans:,} spans, {path.stat().st_size / 2**20:,.0f} MB of Parquet; medians of {ROUNDS} rounds in turn"
    )
    figures: dict[str, list[dict[str, float]]] = {"bare": [], "ours": []}
    for _ in range(ROUNDS):
        for side, measured in figures.items():
            command = [sys.executable, "-m", "benchmarks.windows", side, str(path)]
            measured.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    for side, measured in figures.items():
        middle = sorted(measured, key=lambda one: one["seconds"])[len(measured) // 2]
        print(f"{side:5} {middle['seconds']:6.2f} s  {middle['peak_mb']:6,.0f} MB  {middle['rows']:9,.0f} rows")
    ratios = sorted(o["seconds"] / b["seconds"] for o, b in zip(figures["ours"], figures["bare"], strict=True))
    print(f"ours / bare, round by round: {', '.join(f'{ratio:.2f}' for ratio in ratios)} (the aim is 2 or less)")


if __name__ == "__main__":
    begun = time.perf_counter()
    counted = {"bare": bare, "ours": ours}[sys.argv[1]](Path(sys.argv[2]))
    seconds = time.perf_counter() - begun
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "rows": counted}))
