"""What a user installs is what stands in the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import epicenter

ROOT = Path(__file__).parents[1]
ROOMS = ("collector", "synthetic", "detectors", "rules", "dashboards")


def test_every_folder_with_code_is_in_the_wheel() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {"epicenter", *(f"epicenter.{room}" for room in ROOMS)}
    for init in (path for room in ("epicenter", *ROOMS) for path in (ROOT / room).rglob("__init__.py")):
        found.add(_package(init.parent))
    assert listed == found


def test_what_stands_beside_the_code_is_in_the_wheel_the_schemas_too() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    beside = [
        path
        for room in ("epicenter", *ROOMS)
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    # setuptools takes what these match in the folders of packages, and in none below them
    taken = [path for path in beside if any(map(path.match, settings["package-data"]["*"]))]
    assert [path for path in taken if _package(path.parent) in settings["packages"]] == beside
    assert {f"{name}.schema.json" for name in ("analysis", "backtest", "coverage")} <= {path.name for path in beside}


def test_public_names_are_what_the_package_gives() -> None:
    missing = [name for name in epicenter.__all__ if not hasattr(epicenter, name)]
    assert missing == []


def test_importing_epicenter_and_asking_for_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from epicenter.cli import cli;"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0;"
        "print(sorted({'pandas', 'duckdb', 'pyarrow', 'numpy', 'sklearn', 'opentelemetry'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_room_is_not_importable_under_its_bare_name() -> None:
    for room in ROOMS:
        done = subprocess.run([sys.executable, "-P", "-c", f"import {room}"], capture_output=True, check=False, cwd="/")
        assert done.returncode != 0


def test_the_lock_file_names_no_host_and_pins_every_dependency_with_a_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pins = [block for block in lock.split("\n") if "==" in block and not block.startswith((" ", "#"))]
    assert pins
    assert lock.count("--hash=sha256:") >= len(pins)


def test_the_type_checker_is_told_of_every_folder() -> None:
    """It follows no link that it meets in a folder, only those that it is given: one left out is never checked."""
    told = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]["include"])
    parts = {path.parent.name for path in (ROOT / "epicenter").glob("*/*.py")} | set(ROOMS)
    expected = {f"build/typed/epicenter/{part}" for part in parts} | {"build/typed/tests", "build/typed/benchmarks"}
    assert expected | {"build/typed/epicenter"} == told


def test_getting_the_tools_of_the_tests_installs_no_package_that_would_start_a_server(tmp_path: Path) -> None:
    """As root of a machine that has none of them; its apt-get says only what it was asked for."""
    asked = tmp_path / "asked"
    for name, does in {"id": "echo 0", "apt-get": f'echo "$@" >> "{asked}"; exit 1'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    for name in ("mkdir", "rm"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    script = ROOT / "scripts" / "system-tools.sh"
    done = subprocess.run(
        [str(shutil.which("sh")), script], cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr, done.stdout.count("will be skipped")) == (0, "", 3)
    installed = [line.split() for line in asked.read_text().splitlines() if "install" in line.split()]
    assert [[word for word in line if not word.startswith("-")] for line in installed] == [["install", "chromium"]]
    assert "download -qq prometheus-alertmanager" in asked.read_text()


def _package(folder: Path) -> str:
    """What a folder of the checkout is called where it is installed."""
    dotted = ".".join(folder.relative_to(ROOT).parts)
    return dotted if dotted.startswith("epicenter") else f"epicenter.{dotted}"
