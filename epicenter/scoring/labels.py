"""What is compared: what happened, and what of it was said rightly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Labels:
    """What happened, in the words of the analysis: as it truly was, or as it was said.

    Of no incident: component and kind "", dns_role "none". Times are Unix seconds.
    """

    incident: bool
    component: str
    service: str
    kind: str
    dns_role: str
    dns_failure: str | None
    storm: bool
    metastable: bool
    trigger_start: float | None
    trigger_end: float | None


@dataclass(frozen=True)
class Marks:
    """What was right; None where there was nothing to be right about (a calm world has no root)."""

    incident: bool
    root_top1: bool | None
    root_top3: bool | None
    root_kind: bool | None
    dns_role: bool | None
    dns_failure: bool | None
    storm: bool
    metastable: bool
