"""`epicenter emit`: a world played live, as if it were running here."""

from __future__ import annotations

from typing import Literal

import click

from . import worlds
from .numbers import PositiveNumber


@click.command("emit")
@click.argument("scenario")
@click.option(
    "--otlp",
    default="http://127.0.0.1:4318",
    show_default=True,
    metavar="URL",
    help="OTLP receiver of the spans and changes: http://, https://, or grpc:// for gRPC in plain text.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    default=9464,
    show_default=True,
    help="Port of the metrics endpoint on 127.0.0.1.",
)
@click.option(
    "--speed",
    type=PositiveNumber(),
    default=60.0,
    show_default=True,
    help="Seconds of the world per second here.",
)
@worlds.seed
@worlds.spans_per_second
@click.option(
    "--protocol",
    type=click.Choice(("http/protobuf", "grpc")),
    help="How OTLP is spoken; default: grpc for grpc:// and where the port is 4317, else http/protobuf.",
)
@worlds.mix
def command(
    scenario: str,
    otlp: str,
    metrics_port: int,
    speed: float,
    seed: int,
    spans_per_second: float,
    protocol: Literal["http/protobuf", "grpc"] | None,
    mix: str,
) -> None:
    """Play SCENARIO live: spans and changes over OTLP, metrics on an endpoint to scrape; Ctrl-C ends it."""
    import logging
    import signal

    from prometheus_client import CollectorRegistry, start_http_server

    from ..collector.errors import UsageError
    from ..synthetic import simulate
    from ..synthetic.telemetry.live import StoppableClock, play
    from ..synthetic.telemetry.mix import drawn_mix, mix_of
    from ..synthetic.telemetry.target import target_of
    from .output import progress

    target_of(otlp, protocol)  # an URL that cannot be used is said before the long work
    with progress("Simulating the world"):
        history = simulate(scenario, seed=seed)
    registry = CollectorRegistry()
    try:
        server, thread = start_http_server(metrics_port, "127.0.0.1", registry)
    except OSError as error:
        raise UsageError(f"--metrics-port {metrics_port}: the port cannot be used ({error.strerror})") from error
    hours = (history.end - history.start) / 3600.0
    click.echo(
        f"Playing {hours:.1f} hours of {scenario} in {60.0 * hours / speed:.1f} minutes:"
        f" spans to {otlp}, metrics on http://127.0.0.1:{metrics_port}/metrics",
        err=True,
    )
    # a receiver that is down would fill the screen; what it misses is counted, here and on the endpoint
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    clock = StoppableClock()
    before = {number: signal.signal(number, clock.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with progress("Playing") as bar:
            task = bar.task_ids[0]
            played = play(
                history,
                otlp=otlp,
                registry=registry,
                speed=speed,
                spans_per_second=spans_per_second,
                seed=seed,
                clock=clock,
                protocol=protocol,
                mix=drawn_mix(seed) if mix == "drawn" else mix_of(mix),
                notice=lambda text: click.echo(text, err=True),
                progress=lambda share: bar.update(task, total=1.0, completed=share),
            )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        server.shutdown()
        server.server_close()
        thread.join()
    share = (played.until - history.start) / (history.end - history.start)
    click.echo(
        f"{share:.0%} played: {played.spans:,} spans, {played.dropped:,} not delivered, {played.changes:,} changes"
    )
