"""The cascade laid out from left to right: a column for each step away from the trigger.

The cascade is a tree (each failure has one reason), so a tidy tree suffices: leaves take one
row each in the order of failure, and a parent stands at the middle of its children, or level with
the first where the picture is higher than a screen, so that what broke first is seen first. No
two boxes meet and no two lines of the tree cross, whatever the number of nodes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .svg import shorten, wide
from .tree import Node
from .words import plain

NAME_SIZE, SMALL_SIZE = 13.0, 11.5
PAD, LINE, GAP_X, GAP_Y, LOOP_ROOM = 8.0, 16.0, 46.0, 12.0, 22.0
SCREEN = 16
"""Leaves that a picture of one screen holds."""
WIDTH, NARROWEST, WIDEST = 1032.0, 158.0, 220.0


@dataclass(frozen=True)
class Box:
    """A node with its place: upper left corner and size in pixels. `notes` say what else is known of it."""

    node: Node
    depth: int
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float
    parent: int | None

    @property
    def middle(self) -> float:
        """Height of its middle line."""
        return self.y + self.height / 2


@dataclass
class _Pen:
    """Where the next leaf goes, and the boxes placed so far."""

    width: float
    notes: dict[str, tuple[str, ...]]
    looping: frozenset[str]
    level: bool
    below: float = 0.0
    boxes: list[Box] = field(default_factory=list[Box])


def lay_out(root: Node, notes: dict[str, tuple[str, ...]], looping: frozenset[str]) -> list[Box]:
    """A box for each node, parents before children; `notes` are lines by component, `looping` get room above."""
    columns = _depth(root) + 1
    width = min(WIDEST, max(NARROWEST, (WIDTH - GAP_X * (columns - 1)) / columns))
    pen = _Pen(width, notes, looping, level=_leaves(root) > SCREEN)
    _place(root, 0, None, pen)
    return pen.boxes


def _depth(node: Node) -> int:
    return 1 + max(map(_depth, node.children)) if node.children else 0


def _leaves(node: Node) -> int:
    return sum(map(_leaves, node.children)) if node.children else 1


def _place(node: Node, depth: int, parent: int | None, pen: _Pen) -> float:
    """Put a node and all below it; returns the height of its middle."""
    lines = fold(node.component, pen.width - 2 * PAD)
    notes = pen.notes.get(node.component, ())
    height = 2 * PAD + LINE * (len(lines) + 1 + len(notes))
    room = LOOP_ROOM if node.component in pen.looping else 0.0
    place, top = len(pen.boxes), pen.below
    box = Box(node, depth, lines, notes, depth * (pen.width + GAP_X), 0.0, pen.width, height, parent)
    pen.boxes.append(box)
    middles = [_place(child, depth + 1, place, pen) for child in node.children]
    centre = (middles[0] + middles[0 if pen.level else -1]) / 2 if middles else 0.0
    # A parent taller than its children stands lower than the child's middle rather than in the row above.
    middle = max(centre, top + room + height / 2)
    pen.boxes[place] = _at(box, middle - height / 2)
    pen.below = max(pen.below, middle + height / 2 + GAP_Y)
    return middle


def _at(box: Box, y: float) -> Box:
    return Box(box.node, box.depth, box.lines, box.notes, box.x, y, box.width, box.height, box.parent)


def fold(name: str, room: float) -> tuple[str, ...]:
    """A name on one line or two of `room` pixels, broken after a dot, dash or slash where there is one."""
    name = plain(name)
    if wide(name, NAME_SIZE, bold=True) <= room:
        return (name,)
    fitting = next(end for end in range(len(name), 0, -1) if wide(name[:end], NAME_SIZE, bold=True) <= room or end == 1)
    breaks = [match.end() for match in re.finditer(r"[.\-_/: ]", name) if match.end() <= fitting]
    cut = breaks[-1] if breaks else fitting
    return name[:cut], shorten(name[cut:], room, NAME_SIZE, bold=True)
