"""The analysis as one self-contained page: no network, no script, the same bytes for the same analysis."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ..collector.model import Windows
from ..detectors.analysis import Analysis, Incident, RecordingSummary
from . import sentences, spread, timeline, words
from .felt import entry_services
from .terminal import strongest
from .tree import Node, cascade_tree, walk, with_loops

WHY_SHOWN = 5


@dataclass(frozen=True)
class Section:
    """One incident as the template wants it; only `known` evidence is linked to."""

    incident: Incident
    number: int
    timelines: tuple[Markup, Markup]
    spread: Markup | None
    steps: tuple[tuple[int, Node], ...]
    unsure: bool
    why: tuple[str, ...]
    known: frozenset[str]
    anchor: Callable[[str], str]


def render(analysis: Analysis, windows: Windows | None = None) -> str:
    """The whole page; with `windows` it also shows what users felt over time and which services they call."""
    seen = analysis.recording
    sections = [section(incident, number, seen, windows) for number, incident in enumerate(analysis.incidents, 1)]
    template = environment().get_template("page.html.j2")
    return template.render(
        analysis=analysis,
        seen=seen,
        sections=sections,
        blind_spots=analysis.blind_spots,
        style=Markup(text("page.css")),
    )


def section(incident: Incident, number: int, seen: RecordingSummary, windows: Windows | None = None) -> Section:
    """One incident made ready for the template `incident.html.j2`; `number` tells it from others on the same page."""
    wide, narrow = (
        timeline.draw(incident, seen, windows, f"timeline-{number}-{kind}", narrow=kind == "narrow")
        for kind in ("wide", "narrow")
    )
    root = with_loops(cascade_tree(incident), incident)
    entries = entry_services(windows) if windows is not None else frozenset[str]()
    return Section(
        incident=incident,
        number=number,
        timelines=(wide, narrow),
        spread=spread.draw(incident, root, entries, f"spread-{number}")
        if root.children or incident.sustaining
        else None,
        steps=tuple(walk(root)),
        unsure=any(node.because_of == "" for depth, node in walk(root) if depth),
        why=tuple(item.id for item in strongest(incident, WHY_SHOWN)),
        known=frozenset(item.id for item in incident.evidence),
        anchor=lambda name: anchor(name, number),
    )


def anchor(name: str, number: int) -> str:
    """The id of an evidence item on the page: its own, or in later incidents with their number before it."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    return safe if number == 1 else f"i{number}-{safe}"


def environment(*others: BaseLoader) -> Environment:
    """What makes pages of templates: this folder's and those of `others`; all that comes from telemetry is escaped."""
    made = Environment(
        autoescape=True,
        finalize=_readable,
        loader=ChoiceLoader([FunctionLoader(text), *others]),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    shared: dict[str, Any] = {"words": words, "sentences": sentences}
    made.globals.update(shared)
    return made


def _readable(value: object) -> object:
    """Every text on its way into the page loses its control characters; markup of our own is left alone."""
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def text(name: str) -> str | None:
    """A file of this folder, a template or the style sheet; None where there is none of that name."""
    path = Path(__file__).with_name(name)
    return path.read_text(encoding="utf-8") if path.is_file() else None
