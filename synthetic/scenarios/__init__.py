"""The scenarios, one file each, and their registry."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from ...collector.errors import UsageError
from ..world.estate import Estate
from . import (
    aws_dynamodb_2025,
    bgp_withdrawal,
    cache_loss,
    calm_day,
    calm_weekend,
    chronic_dns_noise,
    dns_root_no_storm,
    dns_servfail_partial,
    dns_stale_endpoint,
    health_check_flapping,
    metadata_timeout_storm,
    network_congestion_dns_symptom,
    organic_surge,
    plain_failure,
    resolver_servfail,
    restart_herd,
    retries_without_storm,
    slow_dependency,
    telemetry_loss,
)

SCENARIOS: dict[str, Callable[[int], Estate]] = {
    "aws-dynamodb-2025": aws_dynamodb_2025.estate,
    "dns-root-no-storm": dns_root_no_storm.estate,
    "dns-stale-endpoint": dns_stale_endpoint.estate,
    "dns-servfail-partial": dns_servfail_partial.estate,
    "resolver-servfail": resolver_servfail.estate,
    "network-congestion-dns-symptom": network_congestion_dns_symptom.estate,
    "bgp-withdrawal": bgp_withdrawal.estate,
    "metadata-timeout-storm": metadata_timeout_storm.estate,
    "cache-loss": cache_loss.estate,
    "restart-herd": restart_herd.estate,
    "organic-surge": organic_surge.estate,
    "plain-failure": plain_failure.estate,
    "retries-without-storm": retries_without_storm.estate,
    "slow-dependency": slow_dependency.estate,
    "health-check-flapping": health_check_flapping.estate,
    "telemetry-loss": telemetry_loss.estate,
    "chronic-dns-noise": chronic_dns_noise.estate,
    "calm-day": calm_day.estate,
    "calm-weekend": calm_weekend.estate,
}
"""Name -> from a seed to a declared world."""


def scenario(name: str, seed: int = 0) -> Estate:
    """The declared world of a name and seed; UsageError, with the nearest name, where there is none."""
    if name not in SCENARIOS:
        near = get_close_matches(name, SCENARIOS, n=1, cutoff=0.0)
        raise UsageError(f"there is no scenario {name!r}; did you mean {near[0]!r}?")
    return SCENARIOS[name](seed)


__all__ = ["SCENARIOS", "scenario"]
