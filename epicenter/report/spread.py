"""The cascade as a drawing: boxes, the lines of failure between them, and the loops that keep it going."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from ..detectors.analysis import Incident, Sustaining
from . import sentences, words
from .graph import LINE, NAME_SIZE, PAD, SMALL_SIZE, Box, lay_out
from .svg import label, picture, tag
from .tree import Node

USERS = "called by users"

ARCS_DRAWN = 6
"""More loops back to one box than this cover the picture; they are counted in the box instead."""


def draw(incident: Incident, root: Node, entries: frozenset[str], name: str) -> Markup:
    """The drawing of the tree below `root`; `entries` are the services that users call themselves."""
    notes: dict[str, tuple[str, ...]] = dict.fromkeys(sorted(entries), (USERS,))
    for loop in incident.sustaining:
        notes[loop.component] = (*notes.get(loop.component, ()), _note(loop))
    looping = frozenset(loop.component for loop in incident.sustaining)
    boxes = lay_out(root, notes, looping)
    margin = 3.0
    return picture(
        name,
        max(box.x + box.width for box in boxes) + 2 * margin,
        max(box.y + box.height for box in boxes) + 2 * margin,
        "How it spread",
        "; ".join(_said(box, root.onset_at, sentences.went(incident)) for box in boxes),
        _arrow_heads(name),
        tag(
            "g",
            *(_line(boxes[box.parent], box, name) for box in boxes if box.parent is not None),
            *_loops(incident, boxes, name),
            *(_box(box, root.onset_at, looping, sure=incident.verdict != "unknown") for box in boxes),
            transform=f"translate({margin:g} {margin:g})",
        ),
    )


def _note(loop: Sustaining) -> str:
    callers = len({caller for caller, _ in loop.edges})
    crowd = f", {callers} callers" if callers > ARCS_DRAWN else ""
    return f"{sentences.LOOP[loop.kind]}{crowd}"


def _said(box: Box, zero: float, went: str) -> str:
    node = box.node
    if box.parent is None:
        return f"First {node.component}"
    reason = node.because_of or "something not known"
    return f"{node.component} {went} {words.offset(node.onset_at - zero)} because of {reason}"


def _arrow_heads(name: str) -> Markup:
    heads = [
        tag(
            "marker",
            tag("path", d="M0 0L8 4L0 8Z", class_=f"head {kind}"),
            id=f"{name}-{kind}",
            viewBox="0 0 8 8",
            refX=7,
            refY=4,
            markerWidth=9,
            markerHeight=9,
            markerUnits="userSpaceOnUse",
            orient="auto",
        )
        for kind in ("cause", "loop")
    ]
    return tag("defs", *heads)


def _line(parent: Box, child: Box, name: str) -> Markup:
    x1, x2 = parent.x + parent.width, child.x - 2
    class_ = "cause" if child.node.because_of else "cause unsure"
    return tag("path", d=_bent(x1, parent.middle, x2, child.middle), class_=class_, marker_end=f"url(#{name}-cause)")


def _bent(x1: float, y1: float, x2: float, y2: float) -> str:
    half = (x1 + x2) / 2
    return f"M{x1:.1f} {y1:.1f}C{half:.1f} {y1:.1f} {half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _loops(incident: Incident, boxes: list[Box], name: str) -> Iterator[Markup]:
    """From each caller in the picture back to what it calls; a loop without such callers, or a crowd of them, turns."""
    head = f"url(#{name}-loop)"
    turned: set[int] = set()
    for loop in incident.sustaining:
        pairs = [_nearest(boxes, caller, callee) for caller, callee in dict.fromkeys(loop.edges)]
        ends = [pair for pair in pairs if pair is not None]
        place = next((i for i, box in enumerate(boxes) if box.node.component == loop.component), None)
        if 0 < len(ends) <= ARCS_DRAWN:
            yield from (tag("path", d=_back(*pair), class_="loop", marker_end=head) for pair in ends)
        elif place is not None and place not in turned:
            turned.add(place)
            yield tag("path", d=_turn(boxes[place]), class_="loop", marker_end=head)


def _nearest(boxes: list[Box], caller: str, callee: str) -> tuple[Box, Box] | None:
    """The boxes of the two that stand closest: a component that failed twice has two."""
    pairs = [
        (abs(a.x - b.x) + abs(a.y - b.y), i, a, b)
        for i, (a, b) in enumerate((a, b) for a in boxes for b in boxes if a is not b)
        if a.node.component == caller and b.node.component == callee
    ]
    return min(pairs, key=lambda pair: pair[:2])[2:] if pairs else None


def _back(caller: Box, callee: Box) -> str:
    """Below the line of failure, so that the two together look like the loop they are."""
    y1, y2 = caller.middle + 11, callee.middle + 11
    if caller.x > callee.x:
        return _bent(caller.x, y1, callee.x + callee.width + 2, y2)
    if caller.x < callee.x:
        return _bent(caller.x + caller.width, y1, callee.x - 2, y2)
    side = caller.x + caller.width
    return f"M{side:.1f} {y1:.1f}C{side + 34:.1f} {y1:.1f} {side + 34:.1f} {y2:.1f} {side + 2:.1f} {y2:.1f}"


def _turn(box: Box) -> str:
    """Out of the top of a box and back into it; the layout leaves room for it."""
    left, right = box.x + box.width - 52, box.x + box.width - 12
    return (
        f"M{left:.1f} {box.y:.1f}C{left:.1f} {box.y - 24:.1f} {right:.1f} {box.y - 24:.1f} {right:.1f} {box.y - 2:.1f}"
    )


def _box(box: Box, zero: float, looping: frozenset[str], *, sure: bool) -> Markup:
    node, x, room = box.node, box.x + PAD, box.width - 2 * PAD
    kind = "trigger" if box.parent is None and sure else "loop" if node.component in looping else "step"
    lines = [
        tag("text", line, x=x, y=box.y + PAD + 12 + LINE * number, class_="name", font_size=NAME_SIZE)
        for number, line in enumerate(box.lines)
    ]
    y = box.y + PAD + 12 + LINE * len(box.lines)
    back = "not back yet" if node.recovered_at is None else f"back {words.compact(node.recovered_at - zero)}"
    lines.append(label(f"{words.compact(node.onset_at - zero)}, {back}", x, y, room, SMALL_SIZE, "when"))
    for number, note in enumerate(box.notes, 1):
        class_ = "note" if note == USERS else "note looping"
        lines.append(label(note, x, y + LINE * number, room, SMALL_SIZE, class_))
    shape = tag("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=5)
    return tag("g", tag("title", node.component), shape, *lines, class_=f"box {kind}")
