"""The files of deploy/, each read by its own tool as far as there is one, and all of them fitting together."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards.boards import BOARDS, variables
from tests.programs import require
from tests.rules.shipped import FILES, groups

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
PROMETHEUS = DEPLOY / "prometheus" / "prometheus.yml"


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def said_by(program: str, *arguments: str | Path) -> str:
    done = subprocess.run([require(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yml")), ids=lambda path: path.name)
def test_every_file_is_yaml_that_says_what_it_is_for(path: Path) -> None:
    assert read(path)
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_promtool_takes_the_configuration_and_finds_every_rule_file() -> None:
    assert f"SUCCESS: {len(FILES)} rule files found" in said_by("promtool", "check", "config", PROMETHEUS)
    assert [(PROMETHEUS.parent / name).resolve() for name in read(PROMETHEUS)["rule_files"]] == list(FILES)


def test_the_scrape_of_epicenter_is_the_job_that_its_rules_ask_for() -> None:
    jobs = {job["job_name"] for job in read(PROMETHEUS)["scrape_configs"]}
    (down,) = (rule for group in groups() for rule in group["rules"] if rule.get("alert") == "EpicenterDown")
    assert "epicenter" in jobs
    assert 'up{job="epicenter"}' in down["expr"]


def test_the_page_that_boards_link_to_is_the_server_that_is_scraped() -> None:
    (job,) = (job for job in read(PROMETHEUS)["scrape_configs"] if job["job_name"] == "epicenter")
    (target,) = job["static_configs"][0]["targets"]
    assert {variables(board)["epicenter"]["query"] for board in BOARDS.values()} == {f"http://{target}"}


def test_probes_ask_modules_that_there_are_for_the_name_that_they_are_told_by() -> None:
    modules = read(DEPLOY / "blackbox" / "blackbox.yml")["modules"]
    (job,) = (job for job in read(PROMETHEUS)["scrape_configs"] if job["job_name"] == "dns")
    for static in job["static_configs"]:
        labels = static["labels"]
        assert modules[labels["__param_module"]]["dns"]["query_name"] == labels["instance"]


def test_amtool_takes_the_configuration() -> None:
    assert "SUCCESS" in said_by("amtool", "check-config", ALERTMANAGER)


@pytest.mark.parametrize(
    ("labels", "receiver"), [(["stage=self"], "epicenter-owners"), (["stage=cause"], "on-call"), ([], "on-call")]
)
def test_alerts_about_epicenter_go_to_its_owners(labels: list[str], receiver: str) -> None:
    said = said_by("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels)
    assert said.strip() == receiver


def test_notifications_are_grouped_by_incident() -> None:
    assert read(ALERTMANAGER)["route"]["group_by"][0] == "incident_id"


def test_grafana_scrapes_as_seldom_as_prometheus() -> None:
    """$__rate_interval is four times this: an interval that is too short empties every rate."""
    (source,) = read(DEPLOY / "grafana" / "datasources.yml")["datasources"]
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == read(PROMETHEUS)["global"]["scrape_interval"]


def test_grafana_reads_the_boards_from_a_folder_and_lets_nobody_change_them() -> None:
    (provider,) = read(DEPLOY / "grafana" / "dashboards.yml")["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    assert Path(provider["options"]["path"]).is_absolute()


def test_the_collector_sends_every_signal_to_epicenter_through_parts_that_it_has() -> None:
    config = read(DEPLOY / "otel-collector" / "collector.yml")
    pipelines = config["service"]["pipelines"]
    assert set(pipelines) == {"traces", "metrics", "logs"}
    for pipeline in pipelines.values():
        assert "otlp/epicenter" in pipeline["exporters"]
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(config[kind])


def test_every_file_stands_on_the_page() -> None:
    page = (DEPLOY.parent / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert [path.name for path in DEPLOY.rglob("*.yml") if f"`{path.relative_to(DEPLOY)}`" not in page] == []
