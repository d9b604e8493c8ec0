"""Folders that are written aside: whoever looks finds the old one or the new one, whole, and never a half."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from .errors import UnwritableOutput


@contextmanager
def writing(folder: Path) -> Generator[None]:
    """While the block writes into `folder`, the system's refusals (a full disk, a missing right) become one sentence.

    Raises UnwritableOutput.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, UnwritableOutput):
            raise
        # Arrow wraps the system's words in its own; the number is the same
        why = os.strerror(error.errno) if error.errno else str(error)
        raise UnwritableOutput(folder, why) from error


class Aside:
    """The place of a folder in the making: `path` is where to write until `put_in_place` or `remove`."""

    def __init__(self, folder: Path) -> None:
        self._aim_at(folder)

    def _aim_at(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder.with_name(folder.name + ".partial")
        self._replaced = folder.with_name(folder.name + ".replaced")

    def make(self) -> None:
        """Make the empty place; what a killed writer left there is removed. A link's target is meant by the link."""
        if self.folder.is_symlink():
            self._aim_at(self.folder.resolve())
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)

    def put_in_place(self) -> None:
        """Give the folder its name; one that has it already is replaced, and stays if that fails."""
        if not self.folder.exists():
            self.path.rename(self.folder)
            return
        shutil.rmtree(self._replaced, ignore_errors=True)
        self.folder.rename(self._replaced)
        try:
            self.path.rename(self.folder)
        except OSError:
            self._replaced.rename(self.folder)
            raise
        shutil.rmtree(self._replaced, ignore_errors=True)

    def remove(self) -> None:
        """Remove what was written and not put in place."""
        shutil.rmtree(self.path, ignore_errors=True)
