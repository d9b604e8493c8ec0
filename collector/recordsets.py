"""DNS record sets as batches change them: which names a batch is about, and how many addresses each has after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

_ADDRESSES = ("A", "AAAA")
_MOST_ALIASES = 8
"""Aliases that are followed one after the other; more are a loop."""


class _Message(msgspec.Struct, rename="camel", frozen=True):
    pass


class ResourceRecord(_Message, frozen=True):
    """One value of a record set."""

    value: str = ""


class AliasTarget(_Message, frozen=True):
    """The name that an alias stands for."""

    dns_name: str = msgspec.field(name="dNSName")


class RecordSet(_Message, frozen=True):
    """The values of one name and type, or the name that they are taken from; one of several has a `set_identifier`."""

    name: str
    type: str = ""
    set_identifier: str = ""
    resource_records: list[ResourceRecord] | None = None
    alias_target: AliasTarget | None = None


class RecordChange(_Message, frozen=True):
    """What is done to a record set: CREATE, UPSERT or DELETE."""

    action: str
    resource_record_set: RecordSet


@dataclass(frozen=True)
class Batch:
    """Changes that are made together, all or none; `generation` of the plan that they put into effect."""

    changes: Sequence[RecordChange]
    generation: int | None

    def names(self) -> dict[str, bool]:
        """The names that it is about, and whether all that was done to each was to delete.

        A record set that lies one label below, in a label that ends with the generation, is the name's own version of
        that generation ("plan-110.db.example" of "db.example").
        """
        deleted: dict[str, bool] = {}
        for change in self.changes:
            name = self._owner(plain(change.resource_record_set.name))
            deleted[name] = deleted.get(name, True) and change.action.upper() == "DELETE"
        return deleted

    def _owner(self, name: str) -> str:
        label, _, parent = name.partition(".")
        rest = label.removesuffix(str(self.generation))
        is_version = self.generation is not None and rest != label and not rest[-1:].isdigit()
        return parent if is_version and "." in parent else name


@dataclass
class Records:
    """The record sets of a zone, as far as batches have shown them."""

    _sets: dict[str, dict[tuple[str, str], RecordSet | None]] = field(
        default_factory=dict[str, dict[tuple[str, str], RecordSet | None]]
    )

    def apply(self, batch: Batch) -> None:
        """Make the changes."""
        for change in batch.changes:
            entry = change.resource_record_set
            if entry.type.upper() not in (*_ADDRESSES, "CNAME"):
                continue
            gone = change.action.upper() == "DELETE"
            sets = self._sets.setdefault(plain(entry.name), {})
            sets[entry.type.upper(), entry.set_identifier] = None if gone else entry

    def answers(self, name: str, *, followed: int = 0) -> int | None:
        """Addresses behind a name; None where no batch has told of any, or the name stands for one that none told of.

        Of several sets that share a name by `set_identifier`, some may never have been told of: then it is never 0.
        """
        sets = self._sets.get(name)
        if sets is None or followed > _MOST_ALIASES:
            return None
        total = 0
        for (kind, _), entry in sets.items():
            if entry is None:
                continue
            target = _target(kind, entry)
            found = self.answers(target, followed=followed + 1) if target else _addresses(kind, entry)
            if found is None:
                return None
            total += found
        shared = any(identifier for _, identifier in sets)
        return None if shared and total == 0 else total


def plain(name: str) -> str:
    r"""A name in one spelling: lower case, no dot at the end, `\052` for what it stands for.

    >>> plain("\\052.DB.example.")
    '*.db.example'
    """
    return name.lower().removesuffix(".").replace("\\052", "*")


def _target(kind: str, entry: RecordSet) -> str:
    if entry.alias_target is not None:
        return plain(entry.alias_target.dns_name)
    return plain(entry.resource_records[0].value) if kind == "CNAME" and entry.resource_records else ""


def _addresses(kind: str, entry: RecordSet) -> int:
    return len(entry.resource_records or ()) if kind in _ADDRESSES else 0
