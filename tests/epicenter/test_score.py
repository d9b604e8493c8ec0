"""`epicenter score` from one end to the other, on one small world."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from epicenter.pipeline import analyze_paths
from epicenter.scoring import library, telemetry
from epicenter.scoring.cases import DRAWN, Row, World, the_mix
from epicenter.scoring.library import run_worlds
from epicenter.scoring.totals import Totals
from epicenter.synthetic import History
from epicenter.synthetic.telemetry.mix import DEFAULT, MIXES
from epicenter.synthetic.telemetry.record import record
from tests.epicenter.conftest import Run
from tests.epicenter.told import RIGHT, blames, row, truth
from tests.simulated import simulated

SCENARIO = "plain-failure"
RATE = 5.0
SHORT = (SCENARIO, "cache-loss")
"""Of the worlds those that are simulated and told soonest."""


@pytest.fixture(scope="module")
def history() -> History:
    return simulated(SCENARIO)


@pytest.fixture(name="run")
def run_score(run: Run) -> Run:
    return lambda *arguments: run("score", *arguments)


SMALL = ("--scenario", SCENARIO, "--seeds", 1, "--mix", "default", "--jobs", 1, "--spans-per-second", RATE)

PROMISED = {
    *("root_top1", "root_top3", "root_kind", "dns_role", "dns_failure"),
    *("storm_precision", "storm_recall", "storm_f1"),
    *("false_incidents_per_day", "time_to_detect_s", "time_to_explain_s"),
}
"""Totals that others read by these names."""


def test_the_same_world_gives_the_same_json_twice_with_all_that_is_promised(
    run: Run, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epicenter.scoring.cases.simulate", lambda name, seed: history)
    code, first, _ = run(*SMALL, "--json", "-")
    _, second, _ = run(*SMALL, "--json", "-")
    assert (code, first) == (0, second)
    told: dict[str, Any] = json.loads(first)
    assert told["schema"] == "epicenter.score/1"
    assert PROMISED <= set(told["totals"]) == {field.name for field in fields(Totals)}
    [case] = told["cases"]
    assert set(case) == {field.name for field in fields(Row)}
    assert (case["scenario"], case["seed"], case["mix"], case["services"]) == (SCENARIO, 0, "default", 13)
    assert case["expected"]["component"] == "delivery-app"
    # every mark that is not right has its line, and only those have
    assert (False in case["right"].values()) is (len(case["why"]) > 0)
    # nothing is known before it happened
    assert case["got"]["incident"]
    assert case["explained_at"] > case["expected"]["trigger_start"]
    assert case["time_to_explain_s"] >= case["time_to_detect_s"]


def test_the_same_worlds_give_the_same_json_however_many_processes_share_the_work(run: Run) -> None:
    worlds = [word for name in SHORT for word in ("--scenario", name)]
    asked = (*worlds, "--seeds", 1, "--mix", DRAWN, "--spans-per-second", 1, "--json", "-")
    (code, alone, _), (_, shared, _) = (run(*asked, "--jobs", jobs) for jobs in (1, 2))
    assert (code, alone) == (0, shared)
    assert {(case["scenario"], case["mix"]) for case in json.loads(alone)["cases"]} == {(name, DRAWN) for name in SHORT}


def test_a_total_below_what_was_asked_for_is_exit_code_1_and_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library, "run_world", lambda world: [row(truth(), RIGHT), row(truth(), blames("web"))])
    target = tmp_path / "score.json"
    asked = ("--fail-under", "root_top1=0.5", "--fail-under", "root_top1=0.51")
    code, out, err = run(*SMALL, "--json", target, *asked)
    assert code == 1
    assert err == "epicenter: --fail-under: root_top1 is 0.5; it was to be at least 0.51\n"
    assert out.startswith("scenario")
    assert json.loads(target.read_text())["totals"]["root_top1"] == 0.5
    assert run(*SMALL, *asked[:2])[0] == 0


def test_a_crash_is_exit_code_1_even_if_nothing_was_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "run_world", lambda world: 1 // 0)
    code, out, _ = run(*SMALL)
    assert code == 1
    assert "crashed: ZeroDivisionError" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--scenario", "plain-failur"), "did you mean 'plain-failure'"),
        (("--mix", "mash"), "no mix 'mash'; there are default"),
        (("--fail-under", "root_top2=1"), "did you mean"),
        (("--json", "/no/such/folder/x"), "there is no folder"),
    ],
)
def test_bad_usage_is_one_sentence_before_the_work(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_what_is_scored_is_what_a_recording_of_the_world_shows_and_its_truth_is_never_read(
    history: History, tmp_path: Path
) -> None:
    folder = record(history, tmp_path / "told", spans_per_second=RATE, seed=0)
    with_truth, read = analyze_paths([folder])
    (folder / "truth.json").unlink()
    without_truth, _ = analyze_paths([folder])
    assert without_truth == with_truth
    windows, summary = telemetry.windows_of(history, seed=0, mix=DEFAULT, spans_per_second=RATE)
    assert summary == with_truth.recording
    assert (windows.window_s, windows.start, windows.end) == (read.window_s, read.start, read.end)
    for frame in ("calls", "signals", "changes"):
        assert getattr(windows, frame).equals(getattr(read, frame))


def test_a_world_is_told_in_each_mix_and_logs_carry_what_events_do_not(history: History) -> None:
    counted = [
        telemetry.windows_of(history, seed=0, mix=MIXES[name], spans_per_second=RATE)[0].calls["errors"].sum()
        for name in ("default", "otel-new")
    ]
    assert counted[0] == pytest.approx(counted[1], rel=0.05)
    drawn = {the_mix(DRAWN, scenario, seed) for scenario in ("a", "b") for seed in range(3)}
    assert len(drawn) > 3
    assert the_mix(DRAWN, "a", 1) == the_mix(DRAWN, "a", 1)


def test_a_long_world_is_sampled_more_thinly_unless_a_rate_is_asked_for(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "MOST_SPANS", 10_000)
    _, capped = telemetry.windows_of(history, seed=0, mix=DEFAULT)
    assert 8_000 < capped.spans < 12_000


def test_rows_keep_the_order_of_the_worlds_and_a_crash_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(world: World) -> list[Row]:
        if world.seed == 1:
            raise ValueError("the world never broke")
        return [Row(world.scenario, world.seed, mix) for mix in world.mixes]

    monkeypatch.setattr(library, "run_world", told)
    done: list[float] = []
    worlds = [World(name, seed, ("default", "mesh")) for name in (SCENARIO, "calm-day") for seed in (0, 1)]
    rows = run_worlds(worlds, jobs=1, progress=done.append)
    assert [(row.scenario, row.seed, row.mix) for row in rows] == [
        (world.scenario, world.seed, mix) for world in worlds for mix in world.mixes
    ]
    assert [row.crashed for row in rows if row.seed == 1] == ["ValueError: the world never broke"] * 4
    assert done == [0.25, 0.5, 0.75, 1.0]


def test_worlds_can_be_handed_to_processes_that_start_anew() -> None:
    [row] = run_worlds([World(SCENARIO, 0, ("no such mix",))], jobs=2)
    assert row.crashed.startswith("ValueError: no mix 'no such mix'")
