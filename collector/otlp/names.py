"""OTLP metric and attribute names -> Prometheus names.

Follows "Prometheus and OpenMetrics Compatibility" of the OpenTelemetry specification as Prometheus itself does it
(prometheus/otlptranslator, strategy UnderscoreEscapingWithSuffixes), so that a recording of OTLP files and a query
to Prometheus speak of the same series.
"""

from __future__ import annotations

import re
from functools import lru_cache

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",  # sic: what Prometheus writes
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
_PER = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
_NOT_OF_A_LABEL = re.compile(r"[^a-zA-Z0-9]+")
_NOT_OF_A_NAME = re.compile(r"[^a-zA-Z0-9:]+")


@lru_cache(4096)
def metric_name(name: str, unit: str, *, counter: bool = False, gauge: bool = False) -> str:
    """The Prometheus name of a metric.

    counter: it is a monotonic sum. gauge: it is a gauge (an up-down counter is neither).
    Raises ValueError where nothing of the name is left.

    >>> metric_name("http.server.request.duration", "s")
    'http_server_request_duration_seconds'
    >>> metric_name("dns.questions", "{question}", counter=True)
    'dns_questions_total'
    >>> metric_name("system.cpu.utilization", "1", gauge=True)
    'system_cpu_utilization_ratio'
    """
    words = [word for word in _NOT_OF_A_NAME.split(name) if word]
    if not words:
        raise ValueError(f"metric name {name!r} has no letter and no digit")
    words += [word for word in _unit_words(unit) if word not in words]
    if counter:
        words = [word for word in words if word != "total"] + ["total"]
    if gauge and unit == "1":
        words = [word for word in words if word != "ratio"] + ["ratio"]
    result = "_".join(words)
    return f"_{result}" if result[0].isdigit() else result


def _unit_words(unit: str) -> list[str]:
    top, _, per = (part.strip() for part in unit.partition("/"))
    words: list[str] = []
    if top and not set(top) & set("{}"):
        words.append(_clean(_UNITS.get(top, top)))
    if per and not set(per) & set("{}"):
        words.append(_clean(f"per_{_PER.get(per, per)}"))
    return [word for word in words if word]


def _clean(unit: str) -> str:
    return "_".join(word for word in _NOT_OF_A_NAME.split(unit) if word)


@lru_cache(4096)
def label_name(key: str) -> str:
    """An attribute key as a label name.

    >>> label_name("http.route"), label_name("5xx")
    ('http_route', 'key_5xx')
    """
    name = _NOT_OF_A_LABEL.sub("_", key)
    return f"key_{name}" if name[:1].isdigit() else name
