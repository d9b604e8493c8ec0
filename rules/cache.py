"""Folders kept between runs under a name that tells all that they were made from: a world's samples, loaded once.

An entry is written under another name and renamed, so that it is there as a whole or not at all, and has a digest of
its files, since a machine can go down before the disk has them. Files are linked in and out and never written again:
a run that has taken an entry keeps it when another run replaces or drops it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..collector.errors import UnreadableInput
from .links import link_tree

LIMIT_BYTES = 2**30
"""The whole library with 213 public rules takes a tenth of it."""
VARIABLE = "EPICENTER_CACHE"
_ENTRIES = "worlds"
"""Where they stand in a folder that may hold what is not ours."""
_NAME, _SCRATCH = re.compile(r".+-[0-9a-f]{24}"), ".epicenter-new-"
_ABOUT, _FILES, _DIGEST = "about.json", "files", "digest"


@dataclass(frozen=True)
class Cache:
    """Entries in a folder that may hold so many bytes; those whose use is the longest ago go first."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    def entry(self, name: str) -> Path:
        """The folder of the entry that `named` has named so."""
        return self.folder / _ENTRIES / name

    def take(self, name: str, into: Path) -> bytes | None:
        """What is told about an entry, with its files linked to the new folder `into`; None where there is none.

        One that is not as it was kept is thrown away: UnreadableInput.
        """
        entry = self.entry(name)
        with tempfile.TemporaryDirectory(prefix="taken-", dir=into.parent) as scratch:
            taken = Path(scratch, "entry")
            try:
                before = _told(entry)
                link_tree(entry, taken)
                whole = _digest(taken) == _told(taken)
                if not whole and _told(entry) != before:
                    return None  # some files are of the entry before, some of its successor
            except FileNotFoundError:  # never there, or another run has just replaced it
                return None
            if not whole:
                with suppress(OSError):  # on a disk that is only read it stays, and is told of again
                    _throw_away(entry)
                raise UnreadableInput(entry, "is not what was kept there: it is thrown away and made anew")
            with suppress(OSError):  # where nothing may be written (EACCES, EROFS), nothing is dropped
                os.utime(entry)
            (taken / _FILES).mkdir(exist_ok=True)  # of a world with no samples there are none to link
            (taken / _FILES).rename(into)
            return (taken / _ABOUT).read_bytes()

    def keep(self, name: str, files: Path, about: bytes) -> None:
        """Keep the files of a folder under this name; OSError where the disk or the limit does not take them."""
        entry = self.entry(name)
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=entry.parent, ignore_cleanup_errors=True) as scratch:
            made = Path(scratch, "entry")
            link_tree(files, made / _FILES)
            (made / _ABOUT).write_bytes(about)
            (made / _DIGEST).write_text(_digest(made), encoding="ascii")
            if _used(made)[1] > self.limit_bytes:
                raise OSError(errno.EFBIG, f"one takes more than the {self.limit_bytes / 2**20:g} MiB of all")
            with suppress(FileNotFoundError):
                entry.rename(Path(scratch, "before"))
            try:
                made.rename(entry)
            except OSError:
                if not entry.is_dir():  # else another run was faster, and its own is as good
                    raise
        self._drop(entry)

    def _drop(self, but: Path) -> None:
        """Make room: also of what a run left that was killed, which bears a name of its own."""
        used = {path: _used(path) for path in but.parent.iterdir() if _ours(path)}
        size = sum(size for _, size in used.values())
        for path, (_, freed) in sorted(used.items(), key=lambda one: one[1]):
            if size <= self.limit_bytes:
                return
            if path != but:
                with suppress(OSError):  # another run may be dropping it as well
                    _throw_away(path)
                size -= freed


def named(told: str, made_from: bytes) -> str:
    """The name of an entry: a few words for people, and the hash of all that it was made from."""
    return f"{told}-{hashlib.blake2b(made_from, digest_size=12).hexdigest()}"


def usual_folder(environ: Mapping[str, str]) -> Path | None:
    """Where entries are kept unless told otherwise (XDG base directories), from the root.

    None where the variable is empty, which keeps nothing, and for a user without a home.
    """
    if VARIABLE in environ:
        return Path(environ[VARIABLE]).absolute() if environ[VARIABLE] else None
    told = Path(environ.get("XDG_CACHE_HOME", ""))
    if told.is_absolute():
        return told / "epicenter"
    try:
        return Path.home() / ".cache" / "epicenter"
    except RuntimeError:
        return None


def _ours(path: Path) -> bool:
    """Whether it is an entry, or what a run made one in."""
    is_entry = _NAME.fullmatch(path.name) is not None and (path / _DIGEST).is_file()
    return path.is_dir() and (is_entry or path.name.startswith(_SCRATCH))


def _throw_away(path: Path) -> None:
    """At once for all other runs, though its files go one by one; OSError where it stays."""
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=path.parent, ignore_cleanup_errors=True) as scratch:
        path.rename(Path(scratch, "before"))


def _told(entry: Path) -> str:
    """The digest that was kept with the files."""
    return (entry / _DIGEST).read_text(encoding="ascii", errors="replace")


def _digest(entry: Path) -> str:
    """Of the names and the bytes of all files but the one that holds it."""
    whole = hashlib.blake2b()
    for path in _files(entry):
        name = path.relative_to(entry)
        if name != Path(_DIGEST):
            with path.open("rb") as file:
                whole.update(f"{name}\0{hashlib.file_digest(file, 'blake2b').hexdigest()}\n".encode())
    return whole.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _used(entry: Path) -> tuple[float, int]:
    """When it was used last, in Unix seconds, and its bytes; zeros where another run has dropped it."""
    try:
        return entry.stat().st_mtime, sum(path.stat().st_size for path in _files(entry))
    except FileNotFoundError:
        return 0.0, 0
