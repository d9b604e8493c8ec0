"""The project's own real recording (lab/README.md): one name loses its addresses for a minute under load."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from epicenter.collector.model import Windows
from epicenter.detectors import Analysis, analyze
from epicenter.detectors.analysis import RecordingSummary
from epicenter.pipeline import analyze_paths

RECORDING = Path(__file__).parent / "recordings" / "dns-nodata"
TRUTH: dict[str, Any] = json.loads((RECORDING / "truth.json").read_text())
Found = tuple[Analysis, Windows]


@pytest.fixture(scope="module")
def found() -> Found:
    return analyze_paths([RECORDING])


def test_it_is_explained_as_one_incident_that_began_at_the_name(found: Found) -> None:
    [incident] = found[0].incidents
    assert incident.trigger.component == TRUTH["root_component"]
    assert incident.trigger.kind == TRUTH["root_kind"] == "dns.empty_record"
    assert (incident.dns.role, incident.dns.failure) == (TRUTH["dns_role"], TRUTH["dns_failure"]) == ("root", "nodata")
    assert incident.trigger.started_at == pytest.approx(TRUTH["trigger_start"], abs=15)
    assert incident.trigger.ended_at == pytest.approx(TRUTH["trigger_end"], abs=15)


def test_every_caller_is_a_symptom_and_the_innocent_branch_is_not(found: Found) -> None:
    [incident] = found[0].incidents
    hit = {step.component for step in incident.cascade} - {TRUTH["root_component"], *TRUTH["root_aliases"]}
    assert hit == set(TRUTH["affected"])


def test_no_loop_is_claimed_after_the_repair(found: Found) -> None:
    [incident] = found[0].incidents
    assert not TRUTH["storm"]
    assert incident.sustaining == ()


def test_the_calm_first_part_is_no_incident(found: Found) -> None:
    calm = until(found[1], TRUTH["trigger_start"])
    assert len(calm.calls) > 0
    assert analyze(calm, summary_of(calm)).incidents == ()


def test_the_truth_is_never_read(found: Found, tmp_path: Path) -> None:
    shutil.copytree(RECORDING, tmp_path / "untold", ignore=shutil.ignore_patterns("truth.json"))
    assert analyze_paths([tmp_path / "untold"])[0] == found[0]


def test_traces_alone_are_enough() -> None:
    [incident] = analyze_paths([RECORDING / "traces.jsonl.zst"])[0].incidents
    assert incident.trigger.component == TRUTH["root_component"]
    assert (incident.dns.role, incident.dns.failure) == ("root", "nodata")


def test_metrics_alone_say_that_users_failed_and_what_would_settle_why() -> None:
    analysis, windows = analyze_paths([RECORDING / "metrics.jsonl.zst"])
    [incident] = analysis.incidents
    assert incident.started_at == pytest.approx(TRUTH["trigger_start"], abs=15)
    assert incident.verdict == "unknown"  # one of the name's two callers does not count calls that fail
    assert TRUTH["root_aliases"][0] in {candidate.component for candidate in incident.candidates[:2]}
    assert analysis.recording.services == 5
    assert any("catalog.shop.test got no answer" in spot.statement for spot in analysis.blind_spots)
    calm = until(windows, TRUTH["trigger_start"])
    assert analyze(calm, summary_of(calm)).incidents == ()


def test_it_is_small_and_tells_nothing_of_the_machine_that_made_it() -> None:
    files = sorted(RECORDING.iterdir())
    assert sum(file.stat().st_size for file in files) < 2_000_000
    text = "".join(read(file) for file in files)
    assert {path[:9] for path in re.findall(r'File \\"(/[^\\]+)', text)} == {"/srv/lab/"}
    assert set(re.findall(r'"key":"((?:host|process|os)\.[^"]+)"', text)) == set()
    assert {
        address for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text) if not address.startswith("127.")
    } == set()


def read(file: Path) -> str:
    compression = "zstd" if file.suffix == ".zst" else None
    with pa.input_stream(str(file), compression=compression) as stream:
        return stream.read().decode()


def until(windows: Windows, moment: float) -> Windows:
    """The windows that ended before the moment."""
    end = int(moment) // windows.window_s * windows.window_s
    return replace(
        windows,
        end=end,
        calls=windows.calls[windows.calls["window"] < end].reset_index(drop=True),
        signals=windows.signals[windows.signals["window"] < end].reset_index(drop=True),
        changes=windows.changes[windows.changes["time"] < end].reset_index(drop=True),
        texts=windows.texts[windows.texts["window"] < end].reset_index(drop=True),
    )


def summary_of(windows: Windows) -> RecordingSummary:
    return RecordingSummary(from_=windows.start, to=windows.end, spans=0, samples=0, changes=0, services=0, skipped=())
