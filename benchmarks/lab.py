"""The one incident of each real recording beside its truth, through the library's ordinary functions and settings.

`--data DIR` names the folder of labelled recordings (`lab/*/truth.json`).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from epicenter.collector.model import Windows
from epicenter.collector.recording import Summary, open_recording, summarize
from epicenter.collector.windows import observe
from epicenter.detectors import analyze
from epicenter.detectors.analysis import RecordingSummary


def run(options: argparse.Namespace) -> None:
    if options.data is None:
        print("skipped: no folder of labelled recordings was named (--data DIR)")
        return
    for truth in sorted(options.data.glob("lab/*/truth.json")):
        whole_incident(truth)


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
