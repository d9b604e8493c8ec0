"""YAML as rules are written in it: safe, words left as they are, and every mapping remembers its line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from ..collector.errors import UnreadableInput

LINE = "\0line"
"""Key under which a mapping remembers where it stood; no YAML of a user can hold it."""


def documents(path: Path) -> Iterator[Any]:
    """The documents of a file; UnreadableInput, with the line, where it is no YAML."""
    try:
        yield from yaml.load_all(path.read_text(encoding="utf-8"), _Loader)
    except UnicodeDecodeError as error:
        raise UnreadableInput(path, "is not UTF-8") from error
    except OSError as error:
        raise UnreadableInput(path, f"cannot be read ({error.strerror})") from error
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise UnreadableInput(path, f"is no YAML: {error.problem}", line=line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableInput(path, f"is no YAML: {error}") from error


def whole(value: Any) -> Any:
    """The number that a text is to Prometheus' YAML (`0x10`; 010 is octal; fractions are cut), or `value` as it is.

    >>> whole("-1"), whole("0x10"), whole("010"), whole("1e1"), whole("many")
    (-1, 16, 8, 10, 'many')
    """
    if isinstance(value, str):
        for read in (partial(int, base=0), partial(int, base=8), lambda text: int(float(text))):
            with suppress(ValueError, OverflowError):
                return read(value)
    return value


class _Loader(yaml.SafeLoader):
    """To Prometheus `on` is a label's name: no word is a truth value, no number is a number."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    made: dict[Any, Any] = dict(loader.construct_mapping(node, deep=True))
    made[LINE] = node.start_mark.line + 1
    return made


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag.endswith((":merge", ":null"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
