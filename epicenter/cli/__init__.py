"""The command line: one file a command, loaded only when it is called, so that `--help` answers at once."""

from __future__ import annotations

import importlib
import sys

import click

from ..collector.errors import EpicenterError

COMMANDS = {
    "demo": "Simulate the great outage of October 2025, analyse it and show what was found.",
    "scenarios": "List the worlds that can be simulated.",
    "simulate": "Simulate a world and write its telemetry as a recording.",
    "emit": "Play a world live: spans over OTLP, metrics on an endpoint to scrape.",
    "watch": "Watch live telemetry: OTLP in, the running incident out as metrics and as a page.",
    "analyze": "Explain the incident in recorded telemetry.",
    "backtest": "Tell which of your alert rules would have fired in a great outage, when and on what.",
    "score": "Count how often the explanation is right, over worlds whose truth is known.",
}
"""Command -> its line in `epicenter --help`; the module of the same name holds `command`."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".{cmd_name}", __name__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # the short lines come from the table: click would import every command to read its docstring
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="epicenter")
def cli() -> None:
    """Find where an outage began, how it spread, and what keeps it going."""


def main() -> None:
    """Run the command line; an error that the user can mend is one sentence and exit code 2."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except EpicenterError as error:
        click.echo(f"epicenter: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        # a file that cannot be written, a full disk: the surroundings are at fault, and the sentence says which
        if error.filename is None:
            _say_bug()
            raise
        click.echo(f"epicenter: {error.filename}: {(error.strerror or 'cannot be used').lower()}", err=True)
        sys.exit(2)
    except Exception:
        _say_bug()
        raise


def _say_bug() -> None:
    click.echo("epicenter: this is a bug of Epicenter's; please report it with the lines below", err=True)
