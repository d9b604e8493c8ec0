"""The choices at the top of a board: the data source, then what narrows from the cluster to one peer or name."""

from __future__ import annotations

from collections.abc import Iterable

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableOption, VariableRefresh, VariableSort

from .charts import NAME, OF_ESTATE, OF_JOB, PEER, SERVICE

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

_SERVED = "http_server_request_duration_seconds_count"
_CALLS = f"http_client_request_duration_seconds_count{{{OF_JOB}}}"
_LABELS = {
    "cluster": ("Cluster", "up", "cluster"),
    "namespace": ("Namespace", 'up{cluster=~"$cluster"}', "namespace"),
    "job": ("Service", f"{_SERVED}{{{OF_ESTATE}}}", SERVICE),
    "peer": ("Peer called", _CALLS, PEER),
    "name": ("Name probed", "probe_dns_answer_rrs", NAME),
    "instance": ("Epicenter", f"epicenter_build_info{{{OF_ESTATE}}}", "instance"),
}
_TEXTS = {
    "timeout": ("Time-out of queued work, in seconds", "60"),
    "epicenter": ("Address of Epicenter", "http://localhost:9465"),
}

Variable = dashboard.DatasourceVariable | dashboard.QueryVariable | dashboard.TextBoxVariable


def variables(choices: Iterable[str]) -> list[Variable]:
    """The data source, the choices that a board names, and where Epicenter's own page is."""
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    return [source, *(_text(name) if name in _TEXTS else _label(name) for name in (*choices, "epicenter"))]


def _label(name: str) -> dashboard.QueryVariable:
    """A multi-valued choice of label values, all by default, read again when the time range changes.

    "All" is a pattern that the empty value matches too, so that an estate without the label loses nothing.
    """
    title, metric, label = _LABELS[name]
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        dashboard.QueryVariable(name)
        .label(title)
        .query({"query": f"label_values({metric}, {label})", "refId": name})
        .datasource(SOURCE)
        .current(everything)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _text(name: str) -> dashboard.TextBoxVariable:
    title, value = _TEXTS[name]
    return (
        dashboard.TextBoxVariable(name)
        .label(title)
        .default_value(value)
        .current(VariableOption(selected=True, text=value, value=value))
    )
