"""The evidence of an analysis, each fact once, numbered in the order in which it was called upon."""

from __future__ import annotations

from collections.abc import Iterable

from .analysis import EvidenceItem
from .base import Evidence, Finding


class Ledger:
    """Gives evidence its ids."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, Evidence], str] = {}

    def cite(self, detector: str, evidence: Iterable[Evidence]) -> tuple[str, ...]:
        """Ids of the given facts; one met before keeps its id."""
        return tuple(self._ids.setdefault((detector, e), f"e{len(self._ids) + 1}") for e in evidence)

    def cite_findings(self, findings: Iterable[Finding]) -> tuple[str, ...]:
        """Ids of all facts behind some findings."""
        return tuple(number for finding in findings for number in self.cite(finding.detector, finding.evidence))

    def items(self) -> tuple[EvidenceItem, ...]:
        """All facts cited so far, in order of their ids."""
        return tuple(
            EvidenceItem(
                id=number,
                detector=detector,
                statement=e.statement,
                query=e.query,
                window=e.window,
                observed=e.observed,
                expected=e.expected,
                traces=e.traces,
            )
            for (detector, e), number in self._ids.items()
        )
