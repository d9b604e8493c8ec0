"""Log records that tell of a change to the estate -> rows of CHANGES.

Such a record's event name is one of `CHANGE_KINDS` and it carries `change.*` attributes.
"""

from __future__ import annotations

from collections.abc import Mapping

from .model import CHANGE_KINDS

ATTRIBUTE_PREFIX = "change."


def change_of(
    event: str, attributes: Mapping[str, str], body: str, service: str
) -> tuple[str, str, str, int | None, int | None, str, str] | None:
    """The row behind CHANGES' `Timestamp`, or None where the record tells of no change.

    The actor is the emitting service where the record names none.
    Raises ValueError where a generation or a count of answers is not a whole number.
    """
    if event not in CHANGE_KINDS:
        return None

    def whole(name: str) -> int | None:
        value = attributes.get(ATTRIBUTE_PREFIX + name, "")
        return int(value) if value else None

    return (
        event,
        attributes.get("change.target", ""),
        attributes.get("change.actor", "") or service,
        whole("generation"),
        whole("answers"),
        attributes.get("change.outcome", "") or "ok",
        body,
    )
