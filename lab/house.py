"""A network, a file system view and a host name of our own, in which the shop runs.

The kernel's namespaces do it (unshare(1)): port 53 and /etc/resolv.conf are ours alone, nothing of
the machine changes, and no path or host name of the machine can get into a recording, since the
services see only /srv/lab. Needs root or unprivileged user namespaces.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

INSIDE = "LAB_INSIDE"
ROOT = Path("/srv/lab")
PYTHON = ROOT / "python/bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def enter(arguments: list[str]) -> None:
    """Starts the same command again inside namespaces of its own; does nothing when already there."""
    if INSIDE in os.environ:
        return
    if shutil.which("unshare") is None:
        sys.exit("The lab needs unshare(1) from util-linux.")
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *as_user, "--net", "--mount", "--uts", sys.executable, "-m", "lab.record", *arguments]
    os.environ[INSIDE] = "1"
    os.chdir(Path(__file__).resolve().parent.parent)
    os.execvp("unshare", command)


def furnish(dns_address: str) -> None:
    """Brings loopback up, points the resolver at our DNS server, and lays the code out under /srv/lab."""
    socket.sethostname("lab")
    run("ip", "link", "set", "lo", "up")
    run("mount", "-t", "tmpfs", "lab", "/srv")
    write_over("/etc/resolv.conf", f"nameserver {dns_address}\noptions timeout:1 attempts:2\n")
    write_over("/etc/nsswitch.conf", "hosts: files dns\n")
    write_over("/etc/hosts", "127.0.0.1 localhost\n")
    bind(Path(sys.base_prefix), ROOT / "python")
    bind(Path(sysconfig.get_path("purelib")), ROOT / "packages")
    bind(Path(__file__).resolve().parent, ROOT / "code/lab")


def write_over(target: str, text: str) -> None:
    """Lays a file of ours over one of the machine's; resolv.conf is often a link, and the end of it counts."""
    ours = ROOT / target.lstrip("/")
    ours.parent.mkdir(parents=True, exist_ok=True)
    ours.write_text(text)
    run("mount", "--bind", str(ours), str(Path(target).resolve()))


def bind(source: Path, target: Path) -> None:
    """Makes a folder visible at a second, neutral place."""
    target.mkdir(parents=True)
    run("mount", "--rbind", str(source), str(target))


def run(*command: str) -> None:
    """Runs one command of the set-up, which must succeed."""
    subprocess.run(command, check=True)
