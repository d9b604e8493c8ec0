"""What is kept between runs: there as a whole or not at all, bounded, and never in the way of a result."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from epicenter.collector.errors import UnreadableInput
from epicenter.rules import kept
from epicenter.rules.cache import Cache, named, usual_folder
from epicenter.rules.files import Rule, read_rules
from epicenter.rules.plays import backtest, gaps_in
from epicenter.rules.worlds import missing_in
from tests.programs import require

WORLD = "plain-failure"
A, B, C, D = (named(told, b"") for told in "abcd")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder as a block is one."""
    folder = tmp_path / "made" / "block" / "chunks"
    folder.mkdir(parents=True)
    (folder / "000001").write_bytes(bytes(1000))
    (folder.parent / "index").write_bytes(b"index")
    return tmp_path / "made"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def names(cache: Cache) -> list[str]:
    return sorted(path.name for path in (cache.folder / "worlds").iterdir())


def test_what_was_kept_is_taken_again_and_outlasts_what_replaces_it(cache: Cache, files: Path, tmp_path: Path) -> None:
    assert cache.take(A, tmp_path / "first") is None
    cache.keep(A, files, b"old")
    assert cache.take(A, tmp_path / "first") == b"old"
    (files / "block" / "index").unlink()
    cache.keep(A, files, b"new")
    assert cache.take(A, tmp_path / "second") == b"new"
    assert (tmp_path / "first" / "block" / "index").read_bytes() == b"index"
    assert [path.name for path in (tmp_path / "second" / "block").iterdir()] == ["chunks"]
    assert names(cache) == [A]


def test_a_world_without_samples_is_kept_and_taken(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    cache.keep(A, tmp_path / "empty", b"told")
    assert cache.take(A, tmp_path / "taken") == b"told"
    assert list((tmp_path / "taken").iterdir()) == []


def test_an_entry_that_was_damaged_is_said_and_thrown_away(cache: Cache, files: Path, tmp_path: Path) -> None:
    cache.keep(A, files, b"told")
    chunk = cache.entry(A) / "files" / "block" / "chunks" / "000001"
    chunk.unlink()
    chunk.write_bytes(bytes(999))
    with pytest.raises(UnreadableInput, match="is not what was kept there: it is thrown away"):
        cache.take(A, tmp_path / "taken")
    assert cache.take(A, tmp_path / "taken") is None
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("at", ["about.json", "index"])
def test_an_entry_that_another_run_replaces_as_it_is_taken_is_not_called_damaged(
    at: str, cache: Cache, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.keep(A, files, b"old")
    (files / "block" / "index").unlink()
    (files / "block" / "index").write_bytes(b"successor")
    link, others = os.link, iter([True])

    def linked(source: Path, target: Path) -> None:
        if source.name == at and next(others, False):
            cache.keep(A, files, b"new")
        link(source, target)

    monkeypatch.setattr(os, "link", linked)
    assert cache.take(A, tmp_path / "taken") == (b"new" if at == "about.json" else None)
    assert cache.take(A, tmp_path / "again") == b"new"
    assert (tmp_path / "again" / "block" / "index").read_bytes() == b"successor"


def test_an_entry_on_a_disk_that_is_only_read_is_taken(
    cache: Cache, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    cache.keep(A, files, b"told")
    monkeypatch.setattr(os, "utime", refuse)
    assert cache.take(A, tmp_path / "taken") == b"told"


def test_the_entry_whose_use_is_the_longest_ago_makes_room(cache: Cache, files: Path, tmp_path: Path) -> None:
    small = Cache(cache.folder, limit_bytes=3500)
    for age, name in enumerate((C, B, A)):
        small.keep(name, files, b"")
        os.utime(cache.entry(name), (1000.0 - age, 1000.0 - age))
    assert small.take(A, tmp_path / "taken") == b""  # the eldest, used now
    small.keep(D, files, b"")
    assert names(cache) == [A, C, D]


def test_an_entry_larger_than_the_limit_is_not_kept_and_costs_no_other(cache: Cache, files: Path) -> None:
    small = Cache(cache.folder, limit_bytes=1500)
    small.keep(A, files, b"")
    with pytest.raises(OSError, match="one takes more than the"):
        small.keep(B, files, bytes(1000))
    assert names(cache) == [A]


def test_what_is_not_ours_stays_and_what_a_killed_run_left_goes(cache: Cache, files: Path) -> None:
    for path in (
        "photos/1.jpg",
        "worlds/photos/1.jpg",
        f"worlds/{B}/1.jpg",
        "worlds/.epicenter-new-12345678/entry/index",
    ):
        foreign = cache.folder / path
        foreign.parent.mkdir(parents=True)
        foreign.write_bytes(bytes(2000))
        os.utime(foreign.parent, (0.0, 0.0))
    small = Cache(cache.folder, limit_bytes=1500)
    small.keep(A, files, b"")
    small.keep(C, files, b"")
    assert names(cache) == sorted((C, B, "photos"))
    left = sorted(str(path.relative_to(cache.folder)) for path in cache.folder.rglob("*.jpg"))
    assert left == sorted(("photos/1.jpg", "worlds/photos/1.jpg", f"worlds/{B}/1.jpg"))


def test_the_folder_is_named_or_stands_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usual_folder({"EPICENTER_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert usual_folder({"EPICENTER_CACHE": "a"}) == Path("a").absolute()
    assert usual_folder({"EPICENTER_CACHE": "", "XDG_CACHE_HOME": "/b"}) is None
    assert usual_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/epicenter")
    monkeypatch.setenv("HOME", "/home/me")
    assert usual_folder({"XDG_CACHE_HOME": "relative"}) == Path("/home/me/.cache/epicenter")  # as the standard asks


def rules(folder: Path, *exprs: str) -> tuple[Rule, ...]:
    require("prometheus")
    alerts = "".join(f"      - {{alert: A{i}, expr: '{expr}'}}\n" for i, expr in enumerate(exprs))
    path = folder / "rules.yml"
    path.write_text(
        f"groups:\n  - name: g\n    rules:\n      - {{record: r, expr: sum(up)}}\n{alerts}", encoding="utf-8"
    )
    return read_rules([str(path)]).rules


def test_a_world_is_made_again_only_for_metrics_that_nobody_read_before(cache: Cache, tmp_path: Path) -> None:
    def made() -> int:
        (name,) = names(cache)
        return (cache.entry(name) / "about.json").stat().st_ino

    first = rules(tmp_path, "up == 1", "r > 0", 'ALERTS{alertname="A0"}')
    results = [backtest(first, WORLD, cache=cache)]
    begun = made()
    results.append(backtest(first, WORLD, cache=cache))
    assert made() == begun
    more = backtest(rules(tmp_path, "probe_success == 0"), WORLD, cache=cache)
    assert (more.problems, more.verdicts[0].kind in ("quiet", "symptom")) == ((), True)
    assert made() != begun
    begun = made()
    results.append(backtest(first, WORLD, cache=cache))
    assert made() == begun
    (name,) = names(cache)
    assert cache.take(name, tmp_path / "taken") is not None
    cache.keep(name, tmp_path / "taken", b'{"seen": 1}')
    told = backtest(first, WORLD, cache=cache)
    assert told.problems[0].startswith(f"{cache.entry(name)}: cannot be used, and is made anew: ")
    results.append(replace(told, problems=told.problems[1:]))
    assert results[1:] == results[:1] * 3  # what rules recorded in one run is not there in the next
    assert [len(one.firings) > 0 for one in results[0].verdicts] == [True, True, True]


def test_another_seed_and_changed_code_make_another_entry(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, code = rules(tmp_path, "up == 1"), tmp_path / "code.py"
    kept_code = vars(kept)["_code"]  # it is told once a process
    counts: list[int] = []
    with monkeypatch.context() as changed:
        changed.setattr(kept, "_CODE", (*vars(kept)["_CODE"], str(code)))
        for text, seed in (("one = 1", 0), ("one = 1", 1), ("one = 1", 0), ("one = 2", 0)):
            code.write_text(text, encoding="utf-8")
            kept_code.cache_clear()
            backtest(some, WORLD, seed=seed, cache=cache)
            counts.append(len(names(cache)))
    kept_code.cache_clear()
    assert counts == [1, 2, 2, 3]


def test_what_a_world_lacks_is_read_from_what_is_kept_of_it(cache: Cache, tmp_path: Path) -> None:
    some = rules(tmp_path, "up == 1", "nobody_has_this > 0")
    backtest(some, WORLD, cache=cache)
    told, problems = gaps_in(some, WORLD, cache=cache)
    assert (told, problems) == (missing_in(some, WORLD), ())
    (name,) = names(cache)
    about = cache.take(name, tmp_path / "taken")
    assert about is not None
    cache.keep(name, tmp_path / "taken", about.replace(b'"scraped":{"up":', b'"scraped":{"gone":'))
    assert {gap.need for gap in gaps_in(some, WORLD, cache=cache)[0].gaps} == {"up", "nobody_has_this"}
    unread = rules(tmp_path, "probe_success == 0")
    assert gaps_in(unread, WORLD, cache=cache)[0] == missing_in(unread, WORLD)
    assert names(cache) == [name]


def test_where_links_are_not_possible_a_kept_world_is_copied(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))

    monkeypatch.setattr(os, "link", refuse)
    some = rules(tmp_path, "up == 1")
    first, again = (backtest(some, WORLD, cache=cache) for _ in range(2))
    assert (again, first.problems) == (first, ())


def test_a_disk_that_takes_nothing_costs_time_and_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = backtest(rules(tmp_path, "up == 1"), WORLD, cache=Cache(tmp_path / "file" / "cache"))
    assert result.verdicts[0].firings
    (told,) = result.problems
    assert told.endswith("loads are not kept there, and the next run makes them again (Not a directory)")
