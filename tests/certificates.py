"""Certificates for servers and clients on loopback, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.programs import require


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    cert: Path
    key: Path


def authority(folder: Path, name: str) -> Pair:
    """Somebody who signs."""
    return _made(folder, name, "-addext", "basicConstraints=critical,CA:TRUE")


def signed(folder: Path, name: str, by: Pair) -> Pair:
    """A certificate for 127.0.0.1, of a server or of a client."""
    more = ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE")
    return _made(folder, name, "-CA", by.cert, "-CAkey", by.key, *more)


def _made(folder: Path, name: str, *options: str | Path) -> Pair:
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
    command = ["req", "-x509", *kind, "-subj", f"/CN={name}", "-keyout", pair.key, "-out", pair.cert, *options]
    done = subprocess.run([require("openssl"), *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return pair


def client(trusting: Pair, own: Pair | None = None) -> ssl.SSLContext:
    """How somebody connects who trusts an authority, and maybe has a certificate of his own."""
    context = ssl.create_default_context(cafile=trusting.cert)
    if own is not None:
        context.load_cert_chain(own.cert, own.key)
    return context
