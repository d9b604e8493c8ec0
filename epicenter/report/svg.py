"""SVG as escaped text: shapes with class names, so that one style sheet colours page and pictures."""

from __future__ import annotations

import unicodedata

from markupsafe import Markup, escape

from .words import elide, plain

SLIM, SLIGHT, BROAD = frozenset("ijl.,:;|!'"), frozenset("frt-()[]/ I"), frozenset("mwMW@%\N{REPLACEMENT CHARACTER}")
"""Letters by width in DejaVu Sans Bold, the widest of the usual system fonts; the rest is as wide as an o."""
REGULAR = 0.9
"""Width of DejaVu Sans against its bold face."""


def tag(name: str, *children: str, **attributes: str | float) -> Markup:
    """One element with escaped children, Markup apart; `class_` stands for class, `text_anchor` for text-anchor."""
    written = Markup().join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value)) for key, value in attributes.items()
    )
    inside = Markup().join(escape(child if isinstance(child, Markup) else plain(child)) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, inside)


def _value(value: str | float) -> str:
    # One decimal is a tenth of a pixel: enough to see, and it keeps the page small.
    return plain(value) if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def picture(name: str, width: float, height: float, title: str, description: str, *children: str) -> Markup:
    """A whole drawing with its title and its description for those who cannot see it; `name` is unique on the page."""
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
        *children,
        class_=name.split("-")[0],
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
    )


def label(text: str, x: float, y: float, room: float, size: float, class_: str = "", anchor: str = "start") -> Markup:
    """A text that keeps within `room` pixels; what had to be cut is in its tooltip."""
    shown = shorten(text, room, size)
    tooltip = (tag("title", text),) if shown != text else ()
    return tag("text", *tooltip, shown, x=x, y=y, class_=class_, text_anchor=anchor, font_size=size)


def shorten(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, cut in its middle until it surely fits in `room` pixels."""
    text = plain(text)
    letters = len(text)
    while letters > 4 and wide(text, size, bold=bold) > room:
        letters -= 1
        text = elide(text, letters)
    return text


def wide(text: str, size: float, *, bold: bool = False) -> float:
    """How many pixels a text takes at most."""
    return size * sum(map(_ems, text)) * (1 if bold else REGULAR)


def _ems(letter: str) -> float:
    if letter in BROAD or unicodedata.east_asian_width(letter) in "WF":
        return 1.06
    return 0.38 if letter in SLIM else 0.49 if letter in SLIGHT else 0.78 if letter.isupper() else 0.71
