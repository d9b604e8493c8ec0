"""By what else a world's services go in its metrics, and what broke in it: the books of an estate that knows itself."""

from __future__ import annotations

from ..world.history import History
from .metrics.troubled import troubled_resolvers
from .metrics.yace import functions_of


def other_names(history: History) -> dict[str, tuple[str, ...]]:
    """Service, or what broke -> its hosts and Lambda functions, and the resolvers that fail to answer for it."""
    names = {service.name: service.hosts for service in history.services}
    for service, function in functions_of(history):
        names[service] = (*names[service], function)
    resolvers = troubled_resolvers(history)
    if resolvers:
        root = history.truth.root_component
        names[root] = (*names.get(root, ()), *resolvers)
    return names
