"""Labels in the wild: which name a component, its peer, a zone, a status, by convention."""

from __future__ import annotations

CALLER_LABELS = ("service_name", "service", "app", "application", "job")
"""Who counts what it does itself: the same labels as name it where it serves."""
SERVICE_LABELS = ("service_name", "destination_service", "exported_service", *CALLER_LABELS[1:], "pod", "instance")
PROBED_LABELS = ("dns_question_name", "target", "instance", "host", "domain")
PEER_LABELS = ("server_address", "net_peer_name", "http_host", "peer", "server")
BALANCER_LABELS = ("load_balancer", "dimension_LoadBalancer", "envoy_cluster_name", "cluster_name", "instance")
ZONE_LABELS = ("zone", "availability_zone", "dimension_AvailabilityZone")
STATUS_LABELS = (
    "http_response_status_code",
    "http_status_code",
    "status_code",
    "code",
    "status",
    "response_code",
    "envoy_response_code_class",
)
_OF_RPC = ("rpc_grpc_status_code", "rpc_response_status_code")
GRPC_LABELS = ("grpc_status", "grpc_code", *_OF_RPC, "grpc_response_status")
"""Whose values are gRPC's codes: as numbers, in capitals, or as Go writes them."""
ROUTE_LABELS = ("http_route", "handler", "uri", "path", "route", "url_path", "http_target", "grpc_service")
WATCHED = (
    r"(.*/)?(healthz?|health-?checks?|livez|readyz|startupz|metrics|-/(healthy|ready))(/(live|ready|liveness|readiness))?"
    r"/?|grpc\.health\.v1\.Health"
)
"""Routes that an orchestrator or a scraper asks for, and no user: of Kubernetes' and Prometheus' documentation, of
Spring's actuator, MicroProfile Health and gRPC's health service. A 503 there means "not yet"."""
CONTAINER_LABELS = ("service_name", "app", "container", "pod", "job", "instance")
"""Of metrics about containers, whose `job` is the agent that tells of them."""
