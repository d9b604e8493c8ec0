"""The settings: a file with all of them, the environment over it, and no public address by accident."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from epicenter.cli import cli
from epicenter.collector.errors import UsageError
from epicenter.live.config import Config
from epicenter.live.settings import addresses, as_toml, load

TLS = {"tls.cert": "cert.pem", "tls.key": "key.pem"}
TOKENS = {"auth.tokens_file": "tokens"}
PUBLIC = ("0.0.0.0:0", "[::]:0", "10.0.0.1:0", "epicenter.example:0")


def printed(*options: str) -> str:
    done = CliRunner().invoke(cli, ["watch", "--print-config", *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_what_is_printed_has_every_key_with_its_default_and_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(printed())
    assert tomllib.loads(file.read_text()) == msgspec.to_builtins(Config())
    assert load(file, {}, {}) == Config()
    assert printed("--config", str(file)) == file.read_text()


def changed(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, dict):
        return {key: changed(one) for key, one in value.items()} or {'my."own"\\metric': "up"}
    if isinstance(value, bool):
        return not value
    return f'{value}"é\\\n#' if isinstance(value, str) else value + 1


def test_every_key_is_printed_as_it_is_set() -> None:
    config = msgspec.convert(changed(msgspec.to_builtins(Config())), Config)
    assert msgspec.convert(tomllib.loads(as_toml(config)), Config) == config


def test_options_go_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[windows]\nwindow_s = 10\nlateness_s = 11\nkeep_s = 700\n")
    environ = {"EPICENTER_WINDOWS_WINDOW_S": "20", "EPICENTER_WINDOWS_LATENESS_S": "21", "EPICENTER_DATA": "there"}
    more = {"EPICENTER_LIMITS_REQUEST_S": "2.5", "EPICENTER_LISTEN_INSECURE": "true"}
    config = load(file, environ | more, {"windows.window_s": 30})
    windows = config.windows
    assert (windows.window_s, windows.lateness_s, windows.keep_s) == (30, 21, 700)
    assert (config.data, config.limits.request_s, config.listen.insecure) == ("there", 2.5, True)


def test_names_of_ones_own_are_given_in_the_environment_too(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[prometheus.names]\nother = "up"\n')
    own = {"EPICENTER_PROMETHEUS_NAMES": "shop_asked_total=http_requests_total, shop.up = up"}
    names = {"shop_asked_total": "http_requests_total", "shop.up": "up"}
    assert load(None, own, {}).prometheus.names == load(file, own, {}).prometheus.names == names
    for wrong in ("shop_asked_total", "=up", "a=up,b=", '{"a": "up"}'):
        with pytest.raises(UsageError, match=r"EPICENTER_PROMETHEUS_NAMES: .* is not NAME=NAME"):
            load(None, {"EPICENTER_PROMETHEUS_NAMES": wrong}, {})
    with pytest.raises(UsageError, match=r"EPICENTER_PROMETHEUS_NAMES: .* has a name twice"):
        load(None, {"EPICENTER_PROMETHEUS_NAMES": "a=up,a=http_requests_total"}, {})
    with pytest.raises(UsageError, match=r"prometheus\.names\.shop: no concept knows"):
        load(None, {"EPICENTER_PROMETHEUS_NAMES": "shop=unheard_of"}, {})


def test_it_listens_on_loopback_alone_unless_told_otherwise() -> None:
    assert {name: where.host for name, where in addresses(Config()).items()} == dict.fromkeys(
        ("grpc", "http", "page"), "127.0.0.1"
    )


@pytest.mark.parametrize("listener", ["grpc", "http", "page"])
@pytest.mark.parametrize("where", PUBLIC)
@pytest.mark.parametrize("half", [{}, TLS, TOKENS], ids=["neither", "TLS without tokens", "tokens without TLS"])
def test_a_public_address_needs_tls_and_tokens(listener: str, where: str, half: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=rf"listen\.{listener}: .* can be reached from outside, which needs TLS"):
        load(None, {}, {f"listen.{listener}": where, **half})


@pytest.mark.parametrize("listener", ["grpc", "http", "page"])
@pytest.mark.parametrize("where", PUBLIC)
def test_a_public_address_is_taken_with_both_or_where_that_is_spelled_out(
    listener: str, where: str, tmp_path: Path
) -> None:
    for name in ("cert.pem", "key.pem", "tokens"):
        (tmp_path / name).write_text("0123456789abcdef")
    public = {f"listen.{listener}": where}
    both = {key: str(tmp_path / name) for key, name in (TLS | TOKENS).items()}
    for allowed in ({"listen.insecure": True}, both):
        assert str(addresses(load(None, {}, public | allowed))[listener]) == where


def test_the_flag_insecure_spells_it_out_on_the_command_line() -> None:
    public = ("--listen", "0.0.0.0:0")
    listen = tomllib.loads(printed("--insecure", *public))["listen"]
    assert (listen["page"], listen["insecure"]) == ("0.0.0.0:0", True)
    refused = CliRunner().invoke(cli, ["watch", "--print-config", *public])
    assert isinstance(refused.exception, UsageError)
    assert str(refused.exception).endswith("or --insecure")


@pytest.mark.parametrize("where", ["127.0.0.1:0", "127.9.9.9:0", "[::1]:0", "localhost:0"])
def test_loopback_needs_neither(where: str) -> None:
    assert load(None, {}, {"listen.page": where}).listen.page == where


def test_a_lateness_that_loses_all_that_is_polled_is_refused() -> None:
    polled = {"prometheus.url": "http://localhost:9090"}
    assert load(None, {}, {**polled, "windows.lateness_s": 50}).windows.lateness_s == 50
    assert load(None, {}, {"windows.lateness_s": 30}).windows.lateness_s == 30
    with pytest.raises(UsageError, match=r"windows\.lateness_s: .*at least 50"):
        load(None, {}, {**polled, "windows.lateness_s": 49})
