"""A DNS zone whose names point at versioned trees of records, changed by all-or-nothing batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .history import Change

NOTHING_TO_ROLL_BACK_TO = "batch rejected: the rollback record cannot point at a tree that does not exist"
STALE_PLAN = "batch rejected: the plan is older than the one in place"
LOCK_LOST = "lock not acquired"


class Zone:
    """The authority's state: which trees exist, and at which of them each name points.

    A name (alias) points at the tree of one plan's generation; if that tree is gone, the name has no
    addresses, and the answer is NOERROR with nothing in it (NODATA). A second record, the rollback
    record, is set in the same batch to what was active before; a batch that has nothing to set it to
    is rejected whole. Source: AWS's post-event summary of October 2025 and its talk DAT453.

    check_in_batch: the batch itself refuses a plan older than the one in place (the repaired design).
    """

    def __init__(
        self,
        names: Iterable[str],
        generations: Iterable[int],
        *,
        addresses: int,
        check_in_batch: bool,
        clock: Callable[[], float],
    ) -> None:
        self.clock = clock
        self.addresses = addresses
        self.check_in_batch = check_in_batch
        kept = tuple(generations)
        self.trees = {(name, generation) for name in names for generation in kept}
        self.active = dict.fromkeys(names, kept[-1])
        self.rollback = dict.fromkeys(names, kept[-1])
        self.locks: dict[str, str] = {}
        self.changes: list[Change] = []

    def answers(self, name: str) -> int:
        """Addresses behind a name."""
        return self.addresses if (name, self.active[name]) in self.trees else 0

    def lock(self, name: str, generation: int, actor: str, *, unlucky: bool = False) -> bool:
        """Take the name's lock for a plan; false if somebody else has it, or was faster."""
        won = not unlucky and name not in self.locks
        if won:
            self.locks[name] = actor
        self._book("record.lock", name, actor, generation, "ok" if won else LOCK_LOST)
        return won

    def unlock(self, name: str) -> None:
        """Give the name's lock back."""
        del self.locks[name]

    def point(self, name: str, generation: int, actor: str) -> bool:
        """Run the batch that builds a plan's tree and points the name at it; false if it was rejected whole."""
        outcome = "ok"
        if (name, self.active[name]) not in self.trees:
            outcome = NOTHING_TO_ROLL_BACK_TO
        elif self.check_in_batch and generation < self.active[name]:
            outcome = STALE_PLAN
        else:
            self.rollback[name] = self.active[name]
            self._put(name, generation)
        self._book("record.upsert", name, actor, generation, outcome)
        return outcome == "ok"

    def delete_tree(self, name: str, generation: int, actor: str) -> None:
        """Delete a tree, whether or not a name points at it: nothing in the zone forbids that."""
        self.trees.remove((name, generation))
        self._book("record.delete", name, actor, generation)

    def install_by_hand(self, name: str, generation: int, actor: str) -> None:
        """Put a healthy tree in place without the enactors' batch, and mend the rollback record."""
        self._put(name, generation)
        self.rollback[name] = generation
        self._book("manual", name, actor, generation, detail="healthy record tree installed by hand")

    def trees_before(self, generation: int) -> list[tuple[str, int]]:
        """Names and generations of the trees older than a generation, oldest first."""
        return sorted((tree for tree in self.trees if tree[1] < generation), key=lambda tree: (tree[1], tree[0]))

    def _put(self, name: str, generation: int) -> None:
        self.trees.add((name, generation))
        self.active[name] = generation

    def _book(
        self, kind: str, name: str, actor: str, generation: int | None = None, outcome: str = "ok", detail: str = ""
    ) -> None:
        answers = None if kind == "record.lock" else self.answers(name)
        self.changes.append(Change(self.clock(), kind, name, actor, outcome, generation, answers, detail))
