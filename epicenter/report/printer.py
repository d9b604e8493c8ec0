"""Lines on a console: headings, paragraphs and aligned rows of text that is never trusted.

Colour only repeats what the words say; no line has trailing blanks, so that a pipe or a
ticket gets clean text.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from . import words

NARROWEST = 10
"""Columns below which text is no longer squeezed but left to overflow."""
READABLE = 30
"""Columns below which a cell of words breaks up into one or two a line."""


class Printer:
    """A console that takes texts from telemetry as they are: no markup, no escape sequences."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.width = console.width
        self.ascii_only = not console.encoding.startswith("utf")

    def say(self, content: str, *, style: str = "", indent: int = 0, first: str = "") -> None:
        """Print a paragraph; `first` stands in the indent of its first line."""
        room = max(NARROWEST, self.width - indent)
        for number, line in enumerate(self._text(content, style).wrap(self._console, room)):
            whole = self._text((first if number == 0 else "").ljust(indent)) + line
            whole.rstrip()
            self._console.print(whole, soft_wrap=True)

    def section(self, title: str) -> None:
        """Print a heading after a blank line."""
        self._console.print()
        self.say(title, style="bold")

    def rows(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Print columns that line up; the last one wraps below itself, or below the others where they leave no room."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
        for row in rows:
            head = "  " + "".join(cell.ljust(width + 2) for cell, width in zip(row, widths, strict=False))
            if self.width - len(head) >= READABLE:
                self.say(row[-1], indent=len(head), first=head)
            else:
                self._console.print(self._text(head.rstrip()), soft_wrap=True)
                self.say(row[-1], indent=4 + (widths[0] if len(widths) > 1 else 2))

    def _text(self, content: str, style: str = "") -> Text:
        encoding = self._console.encoding
        return Text(words.plain(content).encode(encoding, "replace").decode(encoding), style=style)
