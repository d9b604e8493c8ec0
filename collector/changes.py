"""Log records that tell of a change to the estate -> rows of CHANGES.

Such a record's event name is one of `CHANGE_KINDS` and it carries the attributes change.target, change.actor,
change.generation, change.answers and change.outcome; its body is the detail.
"""

from __future__ import annotations

from collections.abc import Mapping

from .model import CHANGE_KINDS

Change = tuple[str, str, str, int | None, int | None, str, str]
"""A row of CHANGES behind its Timestamp."""


def change_of(event: str, attributes: Mapping[str, str], body: str, service: str) -> Change | None:
    """The change that a log record tells of, or None where it tells of none.

    The actor is the emitting service where the record names none; the outcome "ok" likewise.
    Raises ValueError where a generation or a count of answers is not a whole number of 64 bits.
    """
    if event not in CHANGE_KINDS:
        return None
    return (
        event,
        attributes.get("change.target", ""),
        attributes.get("change.actor", "") or service,
        _whole(attributes, "change.generation"),
        _whole(attributes, "change.answers"),
        attributes.get("change.outcome", "") or "ok",
        body,
    )


def _whole(attributes: Mapping[str, str], name: str) -> int | None:
    text = attributes.get(name, "")
    if not text:
        return None
    try:
        number = int(text)
    except ValueError as error:
        raise ValueError(f"{name} {text!r} is not a whole number") from error
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{name} {text} does not fit into 64 bits")
    return number
