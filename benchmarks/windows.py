"""Windows over many spans, beside the bare DuckDB self-join and group-by of the same file.

Each side runs in a process of its own, so that neither warms the other and the peak memory is its own. CPU time is
told beside the time on the clock, which says little on a machine that others use as well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import duckdb

from epicenter.collector.recording import open_recording
from epicenter.collector.windows import edge_calls

from .memory import memory_mib

WINDOW_S = 10
ROUNDS = 5


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
    print(f"{options.spans:,} spans, {path.stat().st_size / 2**20:,.0f} MiB of Parquet; {ROUNDS} rounds in turn")
    figures: dict[str, list[dict[str, float]]] = {"bare": [], "ours": []}
    for number in range(ROUNDS):
        for side in sorted(figures, reverse=number % 2 == 1):  # whoever else is busy favours neither side
            _warm(path)
            command = [sys.executable, "-m", "benchmarks.windows", side, str(path)]
            figures[side].append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    for side, measured in figures.items():
        least, middle = min(_each(measured, "seconds")), median(_each(measured, "seconds"))
        print(
            f"{side:5} {least:6.2f} s at best, {middle:6.2f} s in the middle, {min(_each(measured, 'cpu_s')):6.2f} s "
            f"of CPU, {max(_each(measured, 'peak_mib')):6,.0f} MiB, {measured[0]['rows']:9,.0f} rows"
        )
    ratios = _ratios(figures, "seconds")
    print(f"ours / bare, round by round: {', '.join(f'{ratio:.2f}' for ratio in ratios)} (the aim is 2 or less)")
    for name, figure in (("time", "seconds"), ("CPU", "cpu_s")):
        typical, undisturbed = median(_ratios(figures, figure)), _of_the_best(figures, figure)
        print(f"of {name}: median of the ratios {typical:.2f}, best run against best run {undisturbed:.2f}")


def _warm(path: Path) -> None:
    """Read the file once, so that either side finds it in the page cache."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def _each(measured: list[dict[str, float]], figure: str) -> list[float]:
    return [one[figure] for one in measured]


def _ratios(figures: dict[str, list[dict[str, float]]], figure: str) -> list[float]:
    pairs = zip(_each(figures["ours"], figure), _each(figures["bare"], figure), strict=True)
    return [ours / bare for ours, bare in pairs]


def _of_the_best(figures: dict[str, list[dict[str, float]]], figure: str) -> float:
    """The ratio of the least disturbed runs."""
    return min(_each(figures["ours"], figure)) / min(_each(figures["bare"], figure))


if __name__ == "__main__":
    begun, cpu_begun = time.perf_counter(), time.process_time()
    counted = {"bare": bare, "ours": ours}[sys.argv[1]](Path(sys.argv[2]))
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_begun
    peak_mib = memory_mib("VmHWM")
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_s, "peak_mib": peak_mib, "rows": counted}))
