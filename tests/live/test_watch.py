"""The live server as people run it: an outage comes in, an incident comes out, and nothing acknowledged is lost."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from google.rpc import code_pb2

from epicenter.collector.errors import UsageError
from epicenter.live.config import Config
from epicenter.live.settings import load
from epicenter.pipeline import analyze_paths
from tests.dashboards.test_live_metrics import METRICS
from tests.live.watching import COMMAND, TOML, folded, once, outage, spans_of, watching
from tests.programs import require
from tests.synthetic.toy_history import DATABASE

OF_THE_PROCESS_COLLECTOR = {"process_max_fds", "process_virtual_memory_bytes"}
NEIGHBOURS = "epicenter_prometheus_", "epicenter_alertmanager_"


def test_an_outage_is_an_incident_that_outlives_a_kill_and_a_stop(tmp_path: Path) -> None:
    data, spans = tmp_path / "data", 0
    exports = outage(tmp_path / "toy", time.time())
    with watching(data) as server:
        assert server.metrics()["epicenter_incident_open"] == [({}, 0.0)]
        for signal, body in exports:
            assert server.post(signal, body)[0] == 200
            spans += spans_of(body)
        first = server.incident()
        assert (first["trigger"], first["kind"], first["service"]) == (DATABASE, "dns.empty_record", "dynamodb")
        metrics = server.metrics()
        assert ({"transport": "http"}, float(spans)) in metrics["epicenter_ingest_spans_total"]
        names = {labels["name"] for labels, _ in metrics["epicenter_root_cause_confidence_ratio"] if "name" in labels}
        assert not names
        told = metrics["epicenter_edge_amplification_ratio"] + metrics["epicenter_edge_goodput_ratio"]
        assert {labels["client"] for labels, _ in told} <= {"shop", "checkout", "ticker"}
        assert metrics["epicenter_analysis_failures_total"] == [({}, 0.0)]
        of_incidents = {"epicenter_incident_info", "epicenter_incident_phase", "epicenter_dns_failures_total"}
        once(lambda: of_incidents <= well_formed(server.get("/metrics")[1]))
        server.process.kill()
        server.process.wait()
    with watching(data) as server:
        assert server.incident()["incident_id"] == first["incident_id"]
        code, said = server.stop()
        assert (code, said.splitlines()[-1]) == (0, "stopped: what was acknowledged is kept")
    with watching(data) as server:
        again = server.incident()
        assert (again["incident_id"], again["trigger"]) == (first["incident_id"], DATABASE)
        ((_, began),) = server.metrics()["epicenter_incident_start_timestamp_seconds"]
        assert server.stop()[0] == 0
    assert [path.stem for path in (data / "incidents").iterdir()] == [first["incident_id"]]
    analysis, _ = analyze_paths(folded(data), window_s=5)
    told = [(one.trigger.component, one.trigger.kind, one.started_at) for one in analysis.incidents]
    assert told == [(again["trigger"], again["kind"], began)]


def test_what_it_exposes_is_what_is_documented_and_well_formed(tmp_path: Path) -> None:
    neighbours = ("--prometheus", "http://127.0.0.1:1", "--alertmanager", "http://127.0.0.1:1")
    with watching(tmp_path / "data", TOML, *neighbours) as server:
        text = server.get("/metrics")[1]
    exposed = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    exposed = {name: kind for name, kind in exposed.items() if name not in OF_THE_PROCESS_COLLECTOR}
    assert exposed == {name: promised.kind for name, promised in METRICS.items()}
    well_formed(text)


def well_formed(text: str) -> set[str]:
    """The names of metrics that have labels, once those are the documented ones and promtool has nothing to say.

    Promtool passes over metrics without samples, so an idle server shows half of them.
    """
    found = re.findall(r"^(epicenter_\w+?)(?:_bucket|_sum|_count)?\{(.*)\} ", text, re.MULTILINE)
    for name, labels in found:
        assert set(re.findall(r'(\w+)="', labels)) - {"le"} == METRICS[name].labels, name
    command = [require("promtool"), "check", "metrics"]
    checked = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    return {name for name, _ in found}


def test_neighbours_that_are_not_configured_are_not_exposed(tmp_path: Path) -> None:
    with watching(tmp_path / "data") as server:
        assert not [name for name in server.metrics() if name.startswith(NEIGHBOURS)]


def test_without_a_token_nobody_is_let_in_but_a_probe_of_health(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("# one a line\n0123456789abcdef-shop\n")
    toml = f'[auth]\ntokens_file = "{tmp_path / "tokens"}"\n'
    with watching(tmp_path / "data", toml) as server:
        assert server.get("/metrics")[0] == 401
        code, status = server.post("traces", b"{}")
        assert code == 401
        assert json.loads(status) == {"code": code_pb2.UNAUTHENTICATED, "message": "a token is needed"}
        assert server.get("/healthz")[0] == 200
        server.headers = {"authorization": "Bearer 0123456789abcdef-shop"}
        assert server.post("traces", b"{}")[0] == 200
        told = server.metrics()["epicenter_ingest_rejected_total"]
        assert ({"signal": "spans", "reason": "unauthorized"}, 1.0) in told
        server.headers = {"authorization": "Bearer 0123456789abcdef-shoq"}
        assert server.get("/")[0] == 401


def test_where_memory_is_short_it_refuses_and_says_so(tmp_path: Path) -> None:
    with watching(tmp_path / "data", "[limits]\nmemory_bytes = 67108864\n") as server:
        code, body = server.post("traces", b"{}")
        assert (code, "memory is short" in body) == (429, True)
        assert "memory is short" in server.get("/healthz")[1]
        assert "limits.memory_bytes is too little for it to take anything" in server.stop()[1]


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("[windows]\nwindow_s = 0\n", "windows.window_s: expected int >= 1"),
        ("[windows]\nwindow = 5\n", "windows: object contains unknown field window"),
        ("[listen\n", "is no TOML"),
        ('[listen]\npage = "nowhere"\n', "listen.page: 'nowhere' is not HOST:PORT"),
        ('[listen]\npage = "0.0.0.0:0"\n', "or --insecure"),
        ('[tls]\ncert = "x"\n', "one needs the other"),
        ('[prometheus]\nurl = "nope"\n', "prometheus.url: 'nope' is no address of a Prometheus"),
        ('[prometheus.names]\nmine = "strange"\n', "prometheus.names.mine: no concept knows the name 'strange'"),
        ('[alertmanager]\nurl = "//there"\n', "alertmanager.url: '//there' is no address of an Alertmanager"),
    ],
)
def test_settings_that_will_not_do_are_one_sentence(tmp_path: Path, toml: str, sentence: str) -> None:
    (tmp_path / "c.toml").write_text(toml)
    done = subprocess.run([*COMMAND, "--config", str(tmp_path / "c.toml")], capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("EPICENTER_WINDOW_S", "there is no such setting; EPICENTER_WINDOWS_WINDOW_S is one"),
        ("EPICENTER_LIMIT_SERVICES", "there is no such setting; EPICENTER_LIMITS_SERVICES is one"),
        ("EPICENTER_LIMITS_NONE", "there is no such setting; `epicenter watch --print-config` shows all"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_with_the_nearest(variable: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=f"{variable}: {sentence}"):
        load(None, {variable: "5"}, {})


def test_variables_of_others_are_passed_over() -> None:
    """Of Epicenter's other commands, of its neighbours, and of Kubernetes for each service of such a name."""
    mine = ("CACHE", "PROMETHEUS_TOKEN", "PROMETHEUS_TENANT", "ALERTMANAGER_TOKEN")
    links = ("SERVICE_HOST", "PORT_9465_TCP", "PROMETHEUS_SERVICE_HOST", "PROMETHEUS_PORT", "FILES_SERVICE_PORT_HTTP")
    assert load(None, {f"EPICENTER_{name}": "x" for name in (*mine, *links)}, {}) == Config()
