"""Calls that a service graph's counters tell of, as Tempo and the Collector's connector make it of spans.

A pair of nodes whose spans were both seen is an answered call. Where only the client's was, the graph has a node of
its own for the other side (`connection_type` says so): its calls are taken as answered as long as they do not fail,
since who fails to answer is then not known. `user` is the graph's word for whoever calls from outside.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from ..collector.model import Windows
from .graph import label_owner
from .series import concept

OUTSIDE = "user"
"""The virtual node for the caller of a server span without a parent (Tempo's and the connector's word)."""

_PAIR = ["window", "component", "item"]


def graph_calls(windows: Windows, services: Collection[str], told: Collection[str]) -> pd.DataFrame:
    """Rows of window, client, server, peer, attempts, failure, entries, client_ns and server_ns.

    services: names that are services. told: clients whose calls something better tells of, left out; with any, what
    comes in from outside is left out too.
    """
    counted = concept(windows, "graph_requests")
    if counted.empty:
        return NO_CALLS
    calls = counted.groupby(_PAIR)["value"].sum()
    rows = pd.DataFrame({"all": calls[calls > 0]})
    for column, name in (("failed", "graph_errors"), ("client_s", "graph_client_s"), ("server_s", "graph_server_s")):
        rows[column] = concept(windows, name).groupby(_PAIR)["value"].sum().reindex(rows.index, fill_value=0.0)
    rows = rows.reset_index()
    said = rows["item"].str.partition("\t") if len(rows) else pd.DataFrame(columns=[0, 1, 2], dtype=str)
    outside = (said[0] == OUTSIDE) & (said[2] != "")
    rows = rows.assign(client=said[0].mask(outside, ""), alone=(said[2] != "") & ~outside)
    rows = rows[~rows["client"].isin(told) & ((rows["client"] != "") | (not told))]
    owners = {node: label_owner(str(node), services) or str(node) for node in rows["component"].unique()}
    rows = rows.assign(
        server=rows["component"].map(owners).astype(str), peer=rows["component"].where(rows["alone"], "")
    )
    failed = rows[["failed", "all"]].min(axis=1)
    good = rows.assign(attempts=rows["all"] - failed, failure="")
    bad = rows.assign(attempts=failed, failure=rows["alone"].map({True: "other", False: "server"}))
    bad = bad.assign(server=bad["server"].mask(bad["alone"], ""))
    both = pd.concat([good, bad], ignore_index=True)
    share = both["attempts"] / both["all"]
    for side in ("client", "server"):
        ns = both[f"{side}_s"] * share * 1e9
        both[f"{side}_ns"] = ns.where(ns > 0)  # a graph without histograms tells none, and others may
    both = both.assign(entries=both["attempts"].where(both["client"] == "", 0.0))
    return both.loc[both["attempts"] > 0, [*_KEYS, "attempts", "failure", "entries", "client_ns", "server_ns"]]


_KEYS = ["window", "client", "server", "peer"]

NO_CALLS = pd.DataFrame(
    {"window": pd.Series(dtype="int64"), **{name: pd.Series(dtype="str") for name in (*_KEYS[1:], "failure")}}
    | {name: pd.Series(dtype="float64") for name in ("attempts", "entries", "client_ns", "server_ns")}
)
"""Rows as `graph_calls` gives them: none."""
