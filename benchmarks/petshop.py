"""Top-k over the labelled issues of PetShop, and silence where there is none: `benchmarks petshop --data DIR`.

DIR/petshop/low_traffic is as its authors publish it (amazon-science/petshop-root-cause-analysis, CC-BY-4.0): five
minutes a row of requests, latency and availability of 41 nodes, and who calls whom. It becomes counters as a service
graph and servers expose them: what a node was asked is split among its callers by how much they were asked, since the
graph has no counts of its own. Of an issue, the rows around its time are analysed with the normal period as baseline.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from epicenter.collector.model import SAMPLES, Windows
from epicenter.collector.recording import RecordingWriter
from epicenter.pipeline import analyze_paths

ROW_S = 300
CALM = 100
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


def windows_of(frames: Frames, edges: list[tuple[str, str]], scratch: Path) -> tuple[Any, Windows]:
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
    first, windows = analyze_paths([folder], window_s=ROW_S if len(times) < 2 else None)
    return first.recording, windows


def cut(frames: Frames, rows: Any) -> Frames:
    return {name: frame.iloc[rows] for name, frame in frames.items()}
