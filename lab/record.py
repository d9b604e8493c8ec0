"""Records the shop while one name or one process fails under load and is mended.

    python -m lab.record --out DIR [--fault nodata|…|none] [--target catalog]

Runs in the environment of lab/requirements.txt; lab/README.md says how. The type checker leaves this
folder out, since that environment is not the project's.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from . import house, zone
from .changes import ChangeLog
from .estate import SERVICES, addresses, host
from .prober import Prober
from .processes import Processes
from .sink import Sink
from .truth import KINDS, PROCESS, describe
from .users import Users

SETTLE_S = 6.0  # a batch span processor holds spans back for up to 5 s


def options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m lab.record", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write; must not exist")
    parser.add_argument("--fault", choices=(*KINDS, "none"), default="nodata")
    parser.add_argument("--target", choices=[service.name for service in SERVICES], default="catalog")
    parser.add_argument("--calm", type=float, default=70, metavar="SECONDS")
    parser.add_argument("--for", type=float, default=60, metavar="SECONDS", dest="fault_s", help="how long it lasts")
    parser.add_argument("--after", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--rate", type=float, default=5, metavar="PER_SECOND", help="users")
    parser.add_argument("--seed", type=int, default=1, help="of the users' arrivals and choices")
    parser.add_argument("--network", default="127.0.1", help="first three parts of the services' addresses")
    parser.add_argument("--dns", default="127.0.0.53", metavar="ADDRESS")
    parser.add_argument("--sink-port", type=int, default=4318)
    return parser.parse_args(arguments)


def record(chosen: argparse.Namespace) -> None:
    """Starts everything, lives through the phases, and writes the recording and its truth."""
    chosen.out.mkdir(parents=True)
    where = addresses(chosen.network)
    with ExitStack() as stack:
        sink = Sink("127.0.0.1", chosen.sink_port)
        stack.callback(sink.close, chosen.out)
        changes = ChangeLog(sink.url)
        stack.callback(changes.close)
        names = zone.Zone(where, changes.announce)
        stack.callback(zone.serve(names, chosen.dns).stop)
        processes = Processes(where, sink.url)
        stack.callback(processes.close)
        processes.start_all()
        prober = Prober(list(where), chosen.dns)
        prober.start()
        stack.callback(prober.stop, chosen.out / "openmetrics.txt")
        users = Users(chosen.rate, chosen.seed)
        users.start()
        stack.callback(users.stop)
        marks = live(chosen, *fault(chosen, names, processes))
        users.stop()
        time.sleep(SETTLE_S)
    truth = describe(chosen.fault, chosen.target, marks, users.visits)
    (chosen.out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


def fault(chosen: argparse.Namespace, names: zone.Zone, processes: Processes) -> tuple[Callable[[], None], ...]:
    """What breaks the shop and what mends it."""
    if chosen.fault in PROCESS:
        breaks, mends = {
            "kill": (processes.kill, processes.start),
            "hang": (processes.hang, processes.wake),
        }[chosen.fault]
        return (lambda: breaks(chosen.target)), (lambda: mends(chosen.target))
    broken = host(chosen.target)
    return (lambda: names.set(broken, chosen.fault)), (lambda: names.set(broken, "ok"))


def live(chosen: argparse.Namespace, breaks: Callable[[], None], mends: Callable[[], None]) -> dict[str, float]:
    """Calm, fault, after; returns the moments in between in Unix seconds."""
    marks = {"load": time.time()}
    time.sleep(chosen.calm)
    if chosen.fault != "none":
        marks["fault"] = time.time()
        breaks()
        time.sleep(chosen.fault_s)
        mends()
        marks["repair"] = time.time()
    time.sleep(chosen.after)
    return marks | {"end": time.time()}


def main(arguments: list[str]) -> None:
    """Records inside a house of our own; Ctrl-C and SIGTERM end every process that was started."""
    chosen = options(arguments)
    if chosen.out.exists():
        sys.exit(f"{chosen.out} exists already; name a new folder.")
    chosen.out = chosen.out.resolve()
    house.enter([*arguments, "--out", str(chosen.out)])
    house.furnish(chosen.dns)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        record(chosen)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(sys.argv[1:])
