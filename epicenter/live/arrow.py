"""Arrow's functions on columns, which it makes when it is imported, so that no type checker can see them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

compute: Any = import_module("pyarrow.compute")
