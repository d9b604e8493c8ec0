"""Top-k over the labelled faults of a Nezha recording: `python -m benchmarks nezha --data DIR [--json F]`.

DIR/nezha/* hold spans.parquet, metrics.parquet and labels.json (IntelligentDDS/Nezha, MIT, converted). Each label's
time is given to `analyze` as `at`, and again a minute early and a minute late (`top1_early`, `top1_late`); a fault
without any span in the three minutes after it is left out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from epicenter.collector.model import Windows
from epicenter.detectors import analyze
from epicenter.detectors.around import LOOK_S
from epicenter.pipeline import analyze_paths

WINDOW_S = 10
SHIFT_S = 60.0


def run(options: argparse.Namespace) -> None:
    """Score every recording below `--data DIR`; `--json F` receives them by name."""
    if options.data is None:
        print("skipped: no folder of labelled recordings was named (--data DIR)")
        return
    results = {labels.parent.name: score(labels.parent) for labels in sorted(options.data.glob("nezha/*/labels.json"))}
    for name, result in results.items():
        for case in result["cases"]:
            print(case["time"], case["service"], case["fault"], case["rank"] or "-", case["named"], case["confidence"])
        print(name, {figure: value for figure, value in result.items() if figure != "cases"})
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def score(data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("spans.parquet", "metrics.parquet"):
            (Path(folder) / name).symlink_to((data / name).resolve())
        first, windows = analyze_paths([Path(folder)], window_s=WINDOW_S)
    labels = json.loads((data / "labels.json").read_text(encoding="utf-8"))
    cases = _cases(windows, first.recording, labels, 0.0)
    shifted = {"top1_early": -SHIFT_S, "top1_late": SHIFT_S}
    shifted = {name: _top1(_cases(windows, first.recording, labels, by_s)) for name, by_s in shifted.items()}
    tops = {f"top{k}": float(np.mean([0 < case["rank"] <= k for case in cases])) for k in (1, 3, 5)}
    sure = [case for case in cases if case["confidence"] >= 0.8]
    precision = float(np.mean([case["rank"] == 1 for case in sure])) if sure else None
    return {**tops, **shifted, "precision_at_confidence_08": precision, "cases": cases}


def _cases(windows: Windows, summary: Any, labels: list[dict[str, str]], by_s: float) -> list[dict[str, Any]]:
    found = [_case(windows, summary, label, by_s) for label in labels]
    return [case for case in found if case is not None]


def _top1(cases: list[dict[str, Any]]) -> float:
    return float(np.mean([case["rank"] == 1 for case in cases]))


def _case(windows: Windows, summary: Any, label: dict[str, str], by_s: float) -> dict[str, Any] | None:
    at = datetime.fromisoformat(label["inject_time_utc"]).replace(tzinfo=UTC).timestamp()
    if not windows.calls["window"].between(at, at + LOOK_S, inclusive="left").any():
        return None
    (incident,) = analyze(windows, summary, at=at + by_s).incidents
    names = [candidate.service for candidate in incident.candidates]
    return {
        "time": label["inject_time_utc"],
        "service": label["service"],
        "fault": label["fault"],
        "rank": names.index(label["service"]) + 1 if label["service"] in names else 0,
        "named": incident.trigger.service,
        "confidence": incident.trigger.confidence,
    }
