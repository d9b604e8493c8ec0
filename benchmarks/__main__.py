"""`python -m benchmarks [NAME…] [options]`: run the named benchmarks, or all of them."""

from __future__ import annotations

import argparse
import importlib
import tempfile
from pathlib import Path

BENCHMARKS = (
    "windows",
    "world",
    "onsets",
    "lab",
    "nezha",
    "petshop",
    "telemetry",
    "bulk",
    "emit",
    "detection",
    "backtest",
    "live",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; none: all")
    parser.add_argument("--data", type=Path, help="folder of labelled recordings; what needs it is skipped without")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "epicenter-bench")
    parser.add_argument("--spans", type=int, default=10_000_000, help="size of the windows benchmark")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the live benchmark sends")
    parser.add_argument(
        "--rate",
        type=float,
        metavar="SPANS_PER_S",
        help="of the live benchmark's part `rate`; none: as fast as it goes",
    )
    parser.add_argument(
        "--part", action="append", help="of the live benchmark: rate, half, bound, restart or hour; none: all"
    )
    parser.add_argument("--json", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    options.scratch.mkdir(parents=True, exist_ok=True)
    for name in options.names or BENCHMARKS:
        print(f"== {name}")
        importlib.import_module(f"benchmarks.{name}").run(options)


if __name__ == "__main__":
    main()
