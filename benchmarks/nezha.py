"""Top-k over the labelled faults of a Nezha recording: `python -m benchmarks nezha --data DIR [--json F]`.

DIR/nezha/* hold spans.parquet, metrics.parquet and labels.json (IntelligentDDS/Nezha, MIT, converted). Each label's
time is given to `analyze` as `at`, and again a minute early and a minute late (`top1_early`, `top1_late`); a fault
without any span in the three minutes after it is left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.analysis import RecordingSummary
from epicenter.detectors.around import LOOK_S
from epicenter.pipeline import analyze_paths

from .ranking import Case, figures, judged, tell, tops

SHIFT_S = 60.0


def run(options: argparse.Namespace) -> None:
    """Score every recording below `--data DIR`; `--json F` receives them by name."""
    if options.data is None:
        print("skipped: no folder of labelled recordings was named (--data DIR)")
        return
    results = {labels.parent.name: score(labels.parent) for labels in sorted(options.data.glob("nezha/*/labels.json"))}
    for name, (told, cases) in results.items():
        tell(f"nezha {name}", told, cases)
    if options.json:
        written = {name: told | {"cases": cases} for name, (told, cases) in results.items()}
        options.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def score(data: Path) -> tuple[dict[str, Any], list[Case]]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("spans.parquet", "metrics.parquet"):
            (Path(folder) / name).symlink_to((data / name).resolve())
        first, windows = analyze_paths([Path(folder)])
    labels = json.loads((data / "labels.json").read_text(encoding="utf-8"))
    cases = _cases(windows, first.recording, labels, 0.0)
    told = figures(cases, None)  # no time of these recordings is labelled as calm
    for figure, by_s in (("top1_early", -SHIFT_S), ("top1_late", SHIFT_S)):
        told[figure] = tops([case["rank"] for case in _cases(windows, first.recording, labels, by_s)])["top1"]
    return told, cases


def _cases(windows: Windows, summary: RecordingSummary, labels: list[dict[str, str]], by_s: float) -> list[Case]:
    found = [_case(windows, summary, label, by_s) for label in labels]
    return [case for case in found if case is not None]


def _case(windows: Windows, summary: RecordingSummary, label: dict[str, str], by_s: float) -> Case | None:
    at = datetime.fromisoformat(label["inject_time_utc"]).replace(tzinfo=UTC).timestamp()
    calls = windows.calls
    if not calls["window"].between(at, at + LOOK_S, inclusive="left").any():
        return None
    until = int(at + LOOK_S) // windows.window_s * windows.window_s
    seen = replace(windows, end=until, calls=calls[calls["window"] < until])
    return judged(
        label["service"],
        at,
        seen,
        lambda: analyze(windows, summary, at=at + by_s),
        case=label["inject_time_utc"],
        fault=label["fault"],
    )
