"""Top-k over the labelled issues of PetShop, and silence where there is none: `benchmarks petshop --data DIR`.

DIR/petshop/low_traffic is as its authors publish it (amazon-science/petshop-root-cause-analysis, CC-BY-4.0): five
minutes a row of requests, latency and availability of 41 nodes, and who calls whom. It becomes counters as a service
graph and servers expose them: what a node was asked is split among its callers by how much they were asked, since the
graph has no counts of its own. Of an issue, the rows around its time are analysed with the normal period as baseline.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from epicenter.collector.model import SAMPLES, Windows
from epicenter.collector.recording import RecordingWriter
from epicenter.detectors import analyze
from epicenter.detectors.analysis import RecordingSummary
from epicenter.detectors.baseline import after_baseline
from epicenter.detectors.metric_calls import with_metric_calls
from epicenter.pipeline import analyze_paths

from .ranking import Case, figures, judged, tell, tops

ROW_S, ISSUE_ROWS = 300, 5
CALM = 100
SHIFT_S = 60.0
FOLDER = "petshop/low_traffic"
Frames = dict[str, pd.DataFrame]


def nodes_of(path: Path) -> Frames:
    """Requests, seconds of latency and failures of a metrics.csv, each of shape (rows, nodes), by Unix seconds."""
    table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    table.index = table.index.astype(np.int64)

    def one(metric: str, statistic: str) -> pd.DataFrame:
        of = {node: table[node, m, s] for node, m, s in table.columns if (m, s) == (metric, statistic)}
        return pd.DataFrame(of, dtype=float)

    asked = one("requests", "Sum").fillna(0.0)
    good = one("availability", "Average").reindex(columns=asked.columns).fillna(100.0)
    mean_s = one("latency", "Average").reindex(columns=asked.columns).fillna(0.0)
    return {"requests": asked, "seconds": mean_s * asked, "failed": (1 - good / 100) * asked}


def samples(frames: Frames, edges: list[tuple[str, str]]) -> Iterator[tuple[str, dict[str, str], pd.Series[float]]]:
    """Name, labels and counter of every series: a server's own, and an edge's."""
    asked = frames["requests"]
    for node in asked.columns:
        took, failed = frames["seconds"][node], frames["failed"][node]
        name, labels = "http_server_request_duration_seconds", {"service_name": node}
        yield f"{name}_sum", labels, took
        for status, count in (("200", asked[node] - failed), ("500", failed)):
            yield f"{name}_count", labels | {"http_response_status_code": status}, count
    for caller, callee in edges:
        if caller not in asked or callee not in asked:
            continue
        among = asked[[a for a, b in edges if b == callee and a in asked]].sum(axis=1)
        share = (asked[caller] / among.where(among > 0)).fillna(0.0)
        pair = {"client": caller, "server": callee}
        for name, of in (("total", "requests"), ("failed_total", "failed"), ("server_seconds_sum", "seconds")):
            yield f"traces_service_graph_request_{name}", pair, frames[of][callee] * share
        yield "traces_service_graph_request_client_seconds_sum", pair, frames["seconds"][callee] * share


def windows_of(frames: Frames, edges: list[tuple[str, str]], scratch: Path) -> tuple[RecordingSummary, Windows]:
    """Write the rows as a recording of samples, and read it as anybody would.

    A row is stamped with its start, as CloudWatch does; a counter shows it when it is over.
    """
    times = frames["requests"].index.to_numpy() + ROW_S - 1
    whole = np.concatenate((times[:1] - ROW_S, times))
    columns: dict[str, list[Any]] = {"Timestamp": [], "Name": [], "Labels": [], "Value": []}
    for name, labels, increase in samples(frames, edges):
        columns["Timestamp"].append(whole * 1_000_000_000)
        columns["Name"] += [name] * len(whole)
        columns["Labels"] += [sorted(labels.items())] * len(whole)
        columns["Value"].append(np.concatenate(([0.0], np.cumsum(increase.to_numpy()))))
    stamps = pa.array(np.concatenate(columns["Timestamp"])).cast(pa.timestamp("ns"))
    arrays = [stamps, columns["Name"], columns["Labels"], np.concatenate(columns["Value"])]
    folder = scratch / "petshop"
    with RecordingWriter(folder) as writer:
        writer.write("samples", pa.table(dict(zip(SAMPLES.names, arrays, strict=True)), schema=SAMPLES))
    first, windows = analyze_paths([folder])
    return first.recording, windows


def run(options: argparse.Namespace) -> None:
    """Score the issues below `--data DIR`, and the calm windows; `--json F` receives the figures."""
    data = options.data and options.data / FOLDER
    if data is None or not data.is_dir():
        print(f"skipped: no folder of labelled recordings was named (--data DIR with {FOLDER})")
        return
    graph = pd.read_csv(data / "graph.csv", index_col=0)
    callers, callees = [str(a) for a in graph.index], [str(b) for b in graph.columns]
    edges = [(callers[int(a)], callees[int(b)]) for a, b in np.argwhere(graph.to_numpy())]
    normal = nodes_of(data / "noissue" / "metrics.csv")
    baseline = windows_of(normal, edges, options.scratch)[1]
    issues = [_issue(path, edges, options.scratch) for path in sorted(data.glob("t*/issue_*"))]
    cases = [_case(issue, baseline, 0.0) for issue in issues]
    silence = float(np.mean([_silent(baseline, start) for start in _calm(len(normal["requests"]))]))
    told = figures(cases, silence)
    for figure, by_s in (("top1_early", -SHIFT_S), ("top1_late", SHIFT_S)):
        told[figure] = tops([_case(issue, baseline, by_s)["rank"] for issue in issues])["top1"]
    tell("petshop low_traffic", told, cases)
    if options.json:
        options.json.write_text(json.dumps(told | {"cases": cases}, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Issue:
    """One labelled issue as it was read."""

    name: str
    root: str
    metric: str
    at: float
    summary: RecordingSummary
    windows: Windows


def _issue(path: Path, edges: list[tuple[str, str]], scratch: Path) -> Issue:
    label = json.loads((path / "target.json").read_text(encoding="utf-8"))
    summary, windows = windows_of(nodes_of(path / "metrics.csv"), edges, scratch)
    target = label["target"]
    name = f"{path.parent.name}/{path.name}"
    return Issue(name, label["root_cause"]["node"], target["metric"], float(target["timestamp"]), summary, windows)


def _case(issue: Issue, baseline: Windows, by_s: float) -> Case:
    seen = with_metric_calls(after_baseline(issue.windows, baseline))
    return judged(
        issue.root,
        issue.at,
        seen,
        lambda: analyze(issue.windows, issue.summary, at=issue.at + by_s, baseline=baseline),
        case=issue.name,
        metric=issue.metric,
    )


def _calm(rows: int) -> range:
    """First rows of the windows without an issue: as long as an issue's, and none of them overlaps another."""
    return range(2, 2 + CALM * ISSUE_ROWS, ISSUE_ROWS)[: (rows - 2) // ISSUE_ROWS]


def _silent(normal: Windows, row: int) -> bool:
    """Whether some rows of the normal period, with the rest of it as baseline, are explained as nothing."""
    start = normal.start + row * normal.window_s
    end = start + ISSUE_ROWS * normal.window_s

    def part(rows: pd.DataFrame, *, inside: bool) -> pd.DataFrame:
        return rows[((rows["window"] >= start) & (rows["window"] < end)) == inside]

    calm, rest = (
        replace(normal, calls=part(normal.calls, inside=inside), signals=part(normal.signals, inside=inside))
        for inside in (True, False)
    )
    calm = replace(calm, start=start, end=end)
    summary = RecordingSummary(from_=start, to=end, spans=0, samples=0, changes=0, services=0, skipped=())
    at = float(start + 2 * normal.window_s - 1)  # of five rows, an issue's time is at the end of the second
    return not analyze(calm, summary, at=at, baseline=rest).incidents
