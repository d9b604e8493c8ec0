"""`epicenter watch`: the live server beside Prometheus, Alertmanager and Grafana."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("watch")
@click.option("--config", "config_path", type=click.Path(path_type=Path), metavar="FILE", help="Settings, as TOML.")
@click.option("--print-config", is_flag=True, help="Print all settings as they are now, and end.")
@click.option("--data", metavar="DIR", help="Folder of the log, the recordings and the past incidents.")
@click.option("--listen", metavar="HOST:PORT", help="Where the page and /metrics are (127.0.0.1:9465).")
@click.option("--otlp-http", metavar="HOST:PORT", help="Where OTLP over HTTP is taken (127.0.0.1:4318).")
@click.option("--otlp-grpc", metavar="HOST:PORT", help="Where OTLP over gRPC is taken (127.0.0.1:4317).")
@click.option("--window", type=int, metavar="SECONDS", help="Length of a window (60).")
@click.option("--prometheus", metavar="URL", help="A Prometheus-compatible API to poll.")
@click.option("--alertmanager", metavar="URL", help="An Alertmanager to push incidents to.")
@click.option("--insecure", is_flag=True, default=None, help="Listen on public addresses without TLS and a token.")
def command(config_path: Path | None, print_config: bool, **options: object) -> None:
    """Watch live telemetry: OTLP in, the running incident out as a page and as metrics; Ctrl-C ends it."""
    import os

    from ..live.settings import as_toml, load

    given = {_KEYS[name]: value for name, value in options.items() if value is not None}
    config = load(config_path, os.environ, given)
    if print_config:
        click.echo(as_toml(config), nl=False)
        return
    from ..collector.errors import MissingTool

    try:
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise MissingTool("`epicenter watch` needs the extra `live`: pip install 'epicenter[live]'") from error
    import asyncio
    import logging
    import time

    from prometheus_client import CollectorRegistry, disable_created_metrics

    from ..live.memory import be_frugal, resident_bytes

    be_frugal()
    from ..live.connections import allow_files
    from ..live.watch import watch

    disable_created_metrics()  # type-less twins of each counter, which nobody reads
    logging.basicConfig(format="epicenter: %(message)s", level=logging.WARNING)
    logging.getLogger("epicenter").setLevel(logging.INFO)
    asyncio.run(
        watch(
            config,
            registry=CollectorRegistry(),
            clock=time.time,
            monotonic=time.monotonic,
            resident=resident_bytes,
            files=allow_files(),
            say=lambda line: click.echo(line, err=True),
        )
    )


_KEYS = {
    "data": "data",
    "listen": "listen.page",
    "otlp_http": "listen.http",
    "otlp_grpc": "listen.grpc",
    "window": "windows.window_s",
    "prometheus": "prometheus.url",
    "alertmanager": "alertmanager.url",
    "insecure": "listen.insecure",
}
