"""One TOML file, the environment and a few options -> a `Config`, or one sentence on the key that is wrong."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, get_origin, get_type_hints

import msgspec

from ..collector.addresses import web_address
from ..collector.concepts import concepts_of
from ..collector.errors import UnreadableInput, UsageError
from ..collector.promapi import DELAY_S, POLL_S, TENANT, TOKEN
from .config import ALERTMANAGER_TOKEN, Config

PREFIX = "EPICENTER_"
_OF_OTHERS = re.compile(rf"{TOKEN}|{TENANT}|{ALERTMANAGER_TOKEN}|{PREFIX}(\w+_)?(SERVICE_(HOST|PORT)|PORT)(_\w+)?")
"""Tokens, and what Kubernetes sets for services named epicenter, epicenter-prometheus and so on."""
_NEARLY = 0.8
"""Of difflib's ratio: one letter more, less or other in a name of five."""


class Address(NamedTuple):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def public(self) -> bool:
        """Whether others than this machine can reach it."""
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"


def load(path: Path | None, environ: Mapping[str, str], options: Mapping[str, object]) -> Config:
    """The settings of a file, over them the environment's (EPICENTER_SECTION_KEY), over them `options` ("a.b": value).

    Raises UnreadableInput for a file that cannot be read or a key of it that is wrong, UsageError for the others.
    """
    told = _read(path) if path is not None else {}
    _converted(told, str(path))
    for key, value in [*_of_environment(environ), *options.items()]:
        section, _, name = key.rpartition(".")
        (told.setdefault(section, {}) if section else told)[name] = value
    config = _converted(told, "the settings")
    _check(config)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInput(path, "cannot be read as text") from error
    except tomllib.TOMLDecodeError as error:
        raise UnreadableInput(path, f"is no TOML ({error})") from error


def _converted(told: dict[str, Any], source: str) -> Config:
    try:
        return msgspec.convert(told, Config)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        key = where.strip("`.") or "the top"
        raise UnreadableInput(source, f"{key}: {what[0].lower()}{what[1:]}".replace("`", "")) from error


def _of_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    keys = {_variable(key): (key, kind) for key, kind in _keys(Config)}
    sections = tuple(f"{PREFIX}{name.upper()}_" for name in Config.__struct_fields__)
    for variable, text in sorted(environ.items()):
        if variable in keys:
            key, kind = keys[variable]
            yield key, _value(variable, text, kind)
        elif variable.startswith(PREFIX) and not _OF_OTHERS.fullmatch(variable):
            meant = _meant(variable, list(keys))
            # what else begins so is somebody else's, such as EPICENTER_CACHE
            if meant or variable.startswith(sections):
                hint = f"; {meant} is one" if meant else ""
                raise UsageError(
                    f"{variable}: there is no such setting{hint}; `epicenter watch --print-config` shows all"
                )


def _meant(variable: str, known: list[str]) -> str:
    """The one that was meant: of the same key, whose section is missing, or written nearly so; "" for none."""
    of_key = [one for one in known if one.endswith(f"_{variable.removeprefix(PREFIX)}")]
    tails = [one.removeprefix(PREFIX) for one in known]
    close = get_close_matches(variable.removeprefix(PREFIX), tails, 1, _NEARLY)
    return next(iter([*of_key, *(PREFIX + one for one in close)]), "")


def _variable(key: str) -> str:
    return PREFIX + key.replace(".", "_").upper()


def _keys(struct: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, kind in get_type_hints(struct, include_extras=True).items():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield from _keys(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", kind


def _value(variable: str, text: str, kind: Any) -> object:
    if get_origin(kind.__origin__) is dict:
        return _pairs(variable, text)
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{variable}: {text!r} will not do ({error})".replace("`", "")) from error


def _pairs(variable: str, text: str) -> dict[str, str]:
    """`name=value,name=value`."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(name.strip() and value.strip() for name, _, value in pairs):
        raise UsageError(f"{variable}: {text!r} is not NAME=NAME, of which commas part several")
    found = {name.strip(): value.strip() for name, _, value in pairs}
    if len(found) < len(pairs):
        raise UsageError(f"{variable}: {text!r} has a name twice")
    return found


def address(key: str, text: str) -> Address:
    """HOST:PORT, of which an IPv6 host stands in brackets; UsageError names `key`."""
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})", text)
    if found is None or int(found[3]) > 65535:
        raise UsageError(f"{key}: {text!r} is not HOST:PORT with a port up to 65535")
    return Address(found[1] or found[2], int(found[3]))


def addresses(config: Config) -> dict[str, Address]:
    """Every address that is listened on, by its key's last name."""
    given = {name: getattr(config.listen, name) for name in ("grpc", "http", "page")}
    return {name: address(f"listen.{name}", text) for name, text in given.items() if text or name == "page"}


def _check(config: Config) -> None:
    """Rules that hold between keys."""
    if bool(config.tls.cert) != bool(config.tls.key):
        raise UsageError("tls.cert and tls.key: one needs the other")
    if config.tls.client_ca and not config.tls.cert:
        raise UsageError("tls.client_ca: clients can only be asked for certificates over TLS (tls.cert, tls.key)")
    safe = config.tls.cert and config.auth.tokens_file
    for name, where in addresses(config).items():
        if where.public and not safe and not config.listen.insecure:
            raise UsageError(
                f"listen.{name}: {where} can be reached from outside, which needs TLS (tls.cert, tls.key) and tokens "
                "(auth.tokens_file), or --insecure"
            )
    for name in ("cert", "key", "client_ca"):
        _check_file(f"tls.{name}", getattr(config.tls, name))
    tokens(config)
    for key, url, *what in (
        ("prometheus.url", config.prometheus.url, "a Prometheus", "http://localhost:9090"),
        ("alertmanager.url", config.alertmanager.url, "an Alertmanager", "http://localhost:9093"),
    ):
        if url:
            _check_address(key, url, *what)
    oldest = int(DELAY_S) + POLL_S
    if config.prometheus.url and config.windows.lateness_s < oldest:
        raise UsageError(
            f"windows.lateness_s: points of a Prometheus (prometheus.url) are up to {oldest} s old when they come, and "
            f"would all be too late; it must be at least {oldest}"
        )
    for name, known in config.prometheus.names.items():
        if not concepts_of(known):
            raise UsageError(f"prometheus.names.{name}: no concept knows the name {known!r}, which it would be read as")


def _check_address(key: str, url: str, of: str, such_as: str) -> None:
    try:
        web_address(url, of, such_as)
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from error


def _check_file(key: str, path: str) -> None:
    if path and not (Path(path).is_file() and os.access(path, os.R_OK)):
        raise UsageError(f"{key}: {path} is no file that can be read")


def tokens(config: Config) -> tuple[bytes, ...]:
    """The tokens of which each caller has to have one; none where nobody is asked."""
    if not config.auth.tokens_file:
        return ()
    _check_file("auth.tokens_file", config.auth.tokens_file)
    lines = Path(config.auth.tokens_file).read_bytes().split(b"\n")
    found = tuple(line.strip() for line in lines if line.strip() and not line.startswith(b"#"))
    if not found or min(map(len, found)) < 16:
        raise UsageError(f"auth.tokens_file: {config.auth.tokens_file} must hold tokens of at least 16 characters")
    return found


def as_toml(config: Config) -> str:
    """The settings as a file that `load` reads back, each with what it means."""
    lines = [
        "# Settings of `epicenter watch`. Each can be given in the environment too, as EPICENTER_SECTION_KEY.",
        *_lines(config),
    ]
    return "\n".join(lines) + "\n"


def _lines(struct: msgspec.Struct, section: str = "") -> Iterator[str]:
    kinds = get_type_hints(type(struct), include_extras=True)
    for name, kind in kinds.items():
        value = getattr(struct, name)
        if isinstance(value, msgspec.Struct):
            yield ""
            yield f"[{section}{name}]  # {(type(value).__doc__ or '').rstrip('.')}"
            yield from _lines(value, f"{section}{name}.")
        elif isinstance(value, dict):
            yield f"# {kind.__metadata__[0].description}"
            yield f"[{section}{name}]"
            yield from (f"{_toml(key)} = {_toml(one)}" for key, one in value.items())
        else:
            yield f"{name} = {_toml(value)}  # {kind.__metadata__[0].description}"


def _toml(value: object) -> str:
    # JSON's texts, numbers and booleans are TOML's
    return msgspec.json.encode(value).decode()
