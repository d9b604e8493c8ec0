"""The outages that were played as a list of incidents for Lapilli, which judges rules over a real history.

Format: lapilli's wiki, Getting started (November 2026): id and start are required, labels say whom it was about.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import yaml

from .results import Backtest


def incidents_yaml(results: Iterable[Backtest]) -> str:
    """The known outages among the results, one incident each; calm weather and what nobody knows is none."""
    incidents: list[dict[str, object]] = []
    for result in results:
        truth = result.truth
        if truth is None or truth.incident is None:
            continue
        start, end = truth.incident
        incidents.append(
            {
                "id": f"{result.scenario}-{start:.0f}",
                "title": f"{truth.root_component}: {truth.root_kind}",
                "start": datetime.fromtimestamp(round(start), UTC),
                "end": datetime.fromtimestamp(round(end), UTC),
                "labels": {"service": sorted({truth.root_component, *truth.root_aliases, *truth.affected})},
            }
        )
    return yaml.dump({"incidents": incidents}, Dumper=_Dumper, sort_keys=False)


class _Dumper(yaml.SafeDumper):
    """Times as RFC 3339 has them, with a T and a Z."""


def _rfc3339(dumper: yaml.SafeDumper, at: datetime) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", at.isoformat().replace("+00:00", "Z"))


_Dumper.add_representer(datetime, _rfc3339)
