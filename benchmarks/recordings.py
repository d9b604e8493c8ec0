"""Accuracy on real recordings with labelled causes, through the library's ordinary functions and settings.

`--data DIR` names the folder of labelled recordings (`nezha/*/labels.json`, `lab/*/truth.json`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from epicenter.collector.model import Windows
from epicenter.collector.recording import Summary, open_recording, summarize
from epicenter.collector.windows import observe
from epicenter.detectors import analyze
from epicenter.detectors.analysis import Analysis, RecordingSummary


def run(options: argparse.Namespace) -> None:
    if options.data is None:
        print("skipped: no folder of labelled recordings was named (--data DIR)")
        return
    for labels in sorted(options.data.glob("nezha/*/labels.json")):
        injected_faults(labels)
    for truth in sorted(options.data.glob("lab/*/truth.json")):
        whole_incident(truth)


def injected_faults(labels: Path) -> None:
    """Top-1, 3 and 5 of the ranking at each injection's time; a case counts if spans follow the injection."""
    windows, summary = _opened(labels.parent)
    hits = dict.fromkeys((1, 3, 5), 0)
    cases = 0
    for label in json.loads(labels.read_text()):
        at = datetime.fromisoformat(label["inject_time_utc"]).replace(tzinfo=UTC).timestamp()
        calls = windows.calls["window"]
        if not ((calls >= at) & (calls < at + 180)).any():
            continue
        cases += 1
        services = _ranked(analyze(windows, summary, at=at))
        place = services.index(label["service"]) + 1 if label["service"] in services else None
        for k in hits:
            hits[k] += place is not None and place <= k
        print(f"  {label['service']:28} {label['fault']:15} place {place or '-'}: {', '.join(services[:3]) or 'none'}")
    print(f"{labels.parent.name}: {cases} cases, " + ", ".join(f"top-{k} {hits[k] / cases:.2f}" for k in hits))


def whole_incident(truth: Path) -> None:
    """The one incident of a recording beside its truth."""
    windows, summary = _opened(truth.parent)
    known = json.loads(truth.read_text())
    incidents = analyze(windows, summary).incidents
    if not incidents:
        print(f"{truth.parent.name}: no incident found, the truth is {known['root_component']}")
        return
    found = incidents[0]
    names = {known["root_component"], *known["root_aliases"]}
    right = bool({found.trigger.component, found.trigger.service} & names)
    late = found.trigger.started_at - known["trigger_start"]
    print(
        f"{truth.parent.name}: {'right' if right else 'WRONG'}: {found.trigger.component} ({found.trigger.kind}), "
        f"DNS {found.dns.role} (truth {known['dns_role']}), start {late:+.0f} s off, {len(incidents)} incident(s)"
    )


def _opened(folder: Path) -> tuple[Windows, RecordingSummary]:
    with tempfile.TemporaryDirectory() as scratch:
        connection = open_recording([folder], scratch=Path(scratch)).connect()
        windows, found = observe(connection), summarize(connection)
        connection.close()
    return windows, _summary(found)


def _summary(found: Summary) -> RecordingSummary:
    return RecordingSummary(
        from_=found.start,
        to=found.end,
        spans=found.spans,
        samples=found.samples,
        changes=found.changes,
        services=found.services,
        skipped=(),
    )


def _ranked(analysis: Analysis) -> list[str]:
    """Services by rank, each once."""
    ranked = [c.service or c.component for incident in analysis.incidents[:1] for c in incident.candidates]
    return list(dict.fromkeys(ranked))
