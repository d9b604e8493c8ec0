"""The live server among its neighbours: files of a Collector, a Prometheus to poll, an Alertmanager, a browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from epicenter.rules.write import Series
from tests.alertmanager import serve as alertmanager
from tests.live.watching import PATIENCE_S, TOML, Watching, folded, outage, watching
from tests.prometheus import holding
from tests.synthetic.toy_history import DATABASE

Alert = dict[str, Any]
SERVED = "http_server_request_duration_seconds_count"
OWN_NAME = '[prometheus.names]\nshop_asked_total = "http_requests_total"\n'


def test_what_a_collector_wrote_is_an_incident_on_the_page_and_at_alertmanager(tmp_path: Path) -> None:
    written = tmp_path / "written"
    written.mkdir()
    lines = [body for _, body in outage(tmp_path / "toy", time.time())]
    (written / "otlp.json").write_bytes(b"\n".join(lines[:3]) + b"\n")
    toml = f'{TOML}\n[files]\nfolder = "{written}"\n'
    with alertmanager(tmp_path) as told, watching(tmp_path / "data", toml, "--alertmanager", told.url) as server:
        with (written / "otlp.json").open("ab") as more:
            more.write(b"\n".join(lines[3:]) + b"\n")
        incident = server.incident()
        assert incident["trigger"] == DATABASE
        (listed,) = json.loads(server.get("/api/incidents")[1])["open"]
        assert listed["id"] == incident["incident_id"]
        code, page = server.get("/")
        assert (code, DATABASE in page) == (200, True)
        alerts = _once_told(told.alerts, lambda found: any(a["labels"]["stage"] == "cause" for a in found))
        assert {alert["labels"]["incident_id"] for alert in alerts} == {incident["incident_id"]}
        taken = {labels["transport"]: value for labels, value in server.metrics()["epicenter_ingest_spans_total"]}
        assert taken["file"] > 0 == taken["http"]
        assert server.metrics()["epicenter_alertmanager_pushes_total"][0][1] >= 1
        code, said = server.stop()
        assert (code, said.splitlines()[-1]) == (0, "stopped: what was acknowledged is kept")
    with watching(tmp_path / "data", toml) as server:  # what was read is not read again
        assert server.incident()["trigger"] == DATABASE
        assert dict(_spans(server))["file"] == 0


def test_a_prometheus_is_polled_for_what_is_known_and_missed_while_it_is_gone(tmp_path: Path) -> None:
    with (
        holding([_scraped(time.time(), name) for name in (SERVED, "shop_asked_total", "odd")]) as polled,
        watching(tmp_path / "data", TOML + OWN_NAME, "--prometheus", polled.url) as server,
    ):
        deadline = time.monotonic() + PATIENCE_S
        while not (samples := _polled(server)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert samples > 0
        assert server.metrics()["epicenter_prometheus_poll_failures_total"] == [({}, 0.0)]
        code, said = server.stop()
        (found,) = [line for line in said.splitlines() if "Prometheus has 2 metrics that are read" in line]
        missing = found.partition("nothing there tells of: ")[2].split(", ")
        assert (code, "dns_answers" in missing, "requests" in missing) == (0, True, False)
    names = {name for hour in folded(tmp_path / "data") for part in hour.glob("samples*") for name in _names(part)}
    assert names == {SERVED, "http_requests_total"}
    with watching(tmp_path / "data", TOML, "--prometheus", "http://127.0.0.1:1") as server:
        deadline = time.monotonic() + PATIENCE_S
        while not server.metrics()["epicenter_prometheus_poll_failures_total"][0][1]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert server.get("/readyz")[0] == 200


def _scraped(now: float, name: str) -> Series:
    ages = np.arange(0.0, 600.0, 15.0)
    return Series({"__name__": name, "job": "shop"}, now - 600 + ages, ages)


def _names(part: Path) -> set[str]:
    return set(pq.read_table(part)["Name"].to_pylist())


def _polled(server: Watching) -> float:
    found = server.metrics()["epicenter_ingest_samples_total"]
    return next(value for labels, value in found if labels["transport"] == "prometheus")


def _spans(server: Watching) -> list[tuple[str, float]]:
    return [(labels["transport"], value) for labels, value in server.metrics()["epicenter_ingest_spans_total"]]


def _once_told(ask: Callable[[], list[Alert]], enough: Callable[[list[Alert]], bool]) -> list[Alert]:
    deadline = time.monotonic() + PATIENCE_S
    while not enough(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found
