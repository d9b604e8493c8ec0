"""Names that clusters and clouds make up: the same each time, from the name of what they stand for."""

from __future__ import annotations

from hashlib import sha256


def hexadecimal(of: str, digits: int) -> str:
    """So many hexadecimal digits, as in the ids of instances.

    >>> hexadecimal("shop", 8)
    '8d9001d3'
    """
    return sha256(of.encode()).hexdigest()[:digits]


def pod_name(service: str, pod: int) -> str:
    """A pod of a Deployment: the service's name, the template's hash, and five letters of its own."""
    return f"{service}-{hexadecimal(service, 10)}-{hexadecimal(f'{service}/{pod}', 5)}"
