"""Names in the wild -> concepts: the only place where metric names are known.

A name is first normalised (lower case, dots to underscores); each row then tells the concept, how its samples are
read, and which labels name the component and the item. Sources of the names: OpenTelemetry semantic conventions,
CoreDNS, blackbox_exporter, Envoy, HAProxy, YACE's CloudWatch names, and what public dashboards query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .labels import (
    BALANCER_LABELS,
    CALLER_LABELS,
    CONTAINER_LABELS,
    GRPC_LABELS,
    PEER_LABELS,
    PROBED_LABELS,
    SERVICE_LABELS,
    STATUS_LABELS,
    ZONE_LABELS,
)


@dataclass(frozen=True)
class Concept:
    """How one family of metric names is read.

    pattern: matches the whole normalised name.
    kind: "counter" (per-series increase), "gauge" (mean), "sum" (a gauge that already is a period's sum).
    component, item: labels to take them from, the first that is there; "" where there is none.
    detail: labels of a second part of the item, after a tab.
    failures_only: only series whose status or error type says that they failed.
    only: labels and what all of the value must match; a label that is not there is empty.
    unless: labels and what none of their values may match.
    words: spellings of the item -> the usual one.
    told_by: who counts, where several count the same things: an estate that has more than one of them is not counted
        twice.
    scale: what a sample is multiplied by, where the name tells of another unit.
    by_pod: the component is a single pod, by its name without its namespace, and not the workload that it belongs to.
    """

    name: str
    pattern: str
    kind: Literal["counter", "gauge", "sum"]
    component: tuple[str, ...] = SERVICE_LABELS
    item: tuple[str, ...] = ()
    failures_only: bool = False
    only: tuple[tuple[str, str], ...] = ()
    unless: tuple[tuple[str, str], ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    told_by: str = ""
    detail: tuple[str, ...] = ()
    scale: float = 1.0
    by_pod: bool = False

    @property
    def about_hosts(self) -> bool:
        """Whether the component is a host name, which case, port and the root's dot do not change."""
        return self.component in (PROBED_LABELS, PEER_LABELS, _TARGET, _ISTIO_HOST)


_HTTP_SERVER = (
    r"http_server_request_duration(_seconds)?_count|http_server_duration_milliseconds_count|http_requests_total"
    r"|http_server_requests_seconds_count|rpc_server_(call_)?duration_(milliseconds|seconds)_count"
)
_HTTP_CLIENT = (
    r"http_client_request_duration(_seconds)?_count|http_client_duration_milliseconds_count"
    r"|rpc_client_(call_)?duration_(milliseconds|seconds)_count"
)
_SERVER_TIME = r"(http_server_(request_)?duration|http_server_requests|rpc_server_(call_)?duration)_{}_sum"
_CLIENT_TIME = r"(http_client_(request_)?duration|rpc_client_(call_)?duration)_{}_sum"
_MS = _CLIENT_TIME.format("milliseconds")
_HEALTHY = r"aws_(networkelb|applicationelb)_healthy_host_count_\w+|envoy_cluster_membership_healthy"
_UNHEALTHY = r"aws_(networkelb|applicationelb)_un_healthy_host_count_\w+"
_PROXY_RETRIES = (
    r"envoy_cluster_upstream_rq_retry(_total)?|traefik_service_retries_total|rest_client_request_retries_total"
)
_CPU_SECONDS = r"process_cpu_(time_)?seconds_total"
_MEMORY = r"process_resident_memory_bytes|process_memory_usage_bytes"
_QUEUE_MS = r"\w+_queue_(oldest_)?age_(milliseconds|ms)"
_NETWORK = r"container_network_(receive|transmit)_bytes_total"
_SPANS = r"traces_span_?metrics_calls_total|calls_total"
_GRAPH = r"traces_service_graph_request"
_GRPC_SERVER, _GRPC_CLIENT = r"grpc_server_call_duration_seconds_count", r"grpc_client_attempt_duration_seconds_count"
_ENVOY_IN, _ENVOY_OUT = r"envoy_http_downstream_rq_xx", r"envoy_cluster_upstream_rq_xx"
_ALB = r"aws_applicationelb"
# of HAProxy's own exporter ("proxy") and of the older one beside it ("backend")
_HAPROXY, _BACKEND = r"haproxy_backend_", ("proxy", "backend")
_COUNTING = r"\w+_total|\w*(second|duration|latency)\w*_count"
# what Prometheus, its clients and a cluster count of themselves, durations of spans, counted beside them as calls, and
# what a proxy's backends count too
_COUNTED_ELSEWHERE = (
    r"(prom(etheus|http)|kube(let)?|apiserver|rest_client|etcd|workqueue|container|node|haproxy_(frontend|server))_\w+|"
    r"(traces_span_?metrics_)?(duration|latency)(_(milli)?seconds)?_count"
)
_RCODE_WORDS = (
    ("No Error", "NOERROR"),
    ("Non-Existent Domain", "NXDOMAIN"),
    ("Server Failure", "SERVFAIL"),
    ("Query Refused", "REFUSED"),
)
_FUNCTION, _CLUSTER, _TARGET = ("dimension_FunctionName",), ("envoy_cluster_name",), ("grpc_target",)
_COREDNS, _UNBOUND = r"coredns_dns_responses_total", r"unbound_answer_rcodes_total"
_HUBBLE, _HUBBLE_ASKED = r"hubble_dns_responses_total", r"hubble_dns_queries_total"
_SERVED_SPANS = (("span_kind", "SPAN_KIND_SERVER"),)
_CALLER, _STATUSES = CALLER_LABELS, (*STATUS_LABELS, *GRPC_LABELS)
_NODE, _PAIRED = ("server",), ("connection_type",)
_OUTCOME = ("error_type", *_STATUSES)
# what libraries without a convention of their own call it, often beside `http_requests_total`
_DURATION = r"http_request_duration_seconds"
_HANDLED = ("grpc_service",)
_INGRESS, _BEHIND = r"nginx_ingress_controller_", ("exported_service", "service", "ingress")
_ISTIO, _ISTIO_S = r"istio_requests_total", r"istio_request_duration_milliseconds_sum"
_ISTIO_SERVER = ("destination_service_name", "destination_canonical_service", "destination_workload")
_ISTIO_HOST = ("destination_service", *_ISTIO_SERVER)
_ISTIO_CLIENT = ("source_canonical_service", "source_app", "source_workload")
_BY_SERVER, _BY_CLIENT = (("reporter", "destination"),), (("reporter", "source"),)
# a gateway has no sidecar that says what it was asked, but asks for as much itself; nothing but its name says that it
# is one, as the charts of Istio and of Kubernetes' Gateway API give them
_GATEWAY = (("reporter", "source"), ("source_workload", r"istio-((in|e)gress.*|.*gateway.*)|.*-istio"))
# where Envoy made the answer itself, its flag says why
_UNSERVED = (("response_flags", r"(.*,)?(UF|UH|UC|UT|UO|UR|NR|NC|DF|LH|LR)(,.*)?"),)
_SAID_BY_CALLEE = ("grpc_response_status", "response_code")
_RECORD, _WRITER = ("name", "endpoint", "record"), ("writer", "enactor")
_QTYPE = ("qtype", "query_type", "type", "module")
_ONE_POD = ("pod", "instance")
# beside its codes Unbound counts as "nodata" those of NOERROR that are empty
_CODE = (("rcode", "[A-Z0-9]+"),)
# an answer is a flow of its own, from the server to the client; what names the two ends, and whether any does, is for
# Hubble's sourceContext, destinationContext and labelsContext to say: of one server a pod tells, or an address, and not
# a namespace, a name or an identity
_POD_OR_ADDRESS = r"[^/]+/.+|\d+(\.\d+){3}|[0-9a-f]*(:[0-9a-f]*){2,7}"
_ANSWERING_END = (("source_pod", ""), ("source", _POD_OR_ADDRESS))
# a question that a policy kept back is counted with a code of its own: it reached no server
_SENT = ("rcode", "")
_ASKED_END = (_SENT, ("destination_pod", ""), ("destination", _POD_OR_ADDRESS))
_SAID = ("rcode",)

# an exporter's own version and its language's are not those of what it tells of
_VERSIONS = r"target_info|(?!go_)(?!\w*exporter_)\w+_build_info"
# as it was asked for: the runtime spells it otherwise once the container runs
_IMAGE, _SIDECAR = ("image_spec", "image"), (("container", r"istio-proxy|linkerd-proxy|envoy|daprd"),)

CONCEPTS: tuple[Concept, ...] = (
    Concept("dns_answers", r"probe_dns_answer_rrs", "gauge", PROBED_LABELS, _QTYPE),
    Concept("dns_probe_ok", r"probe_dns_query_succeeded", "gauge", PROBED_LABELS),
    Concept("dns_responses", _COREDNS, "counter", ("zone", "server"), ("rcode",)),
    Concept("dns_responses", _HUBBLE, "counter", ("query",), _SAID, words=_RCODE_WORDS),
    Concept("dns_server_responses", _COREDNS, "counter", _ONE_POD, _SAID, by_pod=True),
    Concept("dns_server_responses", _UNBOUND, "counter", _ONE_POD, _SAID, only=_CODE, by_pod=True),
    Concept("dns_server_empty", _UNBOUND, "counter", _ONE_POD, only=(("rcode", "nodata"),), by_pod=True),
    Concept(
        "dns_server_aaaa", r"unbound_query_types_total", "counter", _ONE_POD, only=(("type", "AAAA"),), by_pod=True
    ),
    # CoreDNS counts a question when it answers it
    Concept("dns_server_requests", r"unbound_queries_total", "counter", _ONE_POD, by_pod=True),
    Concept("dns_wire_responses", _HUBBLE, "counter", ("source_pod",), _SAID, words=_RCODE_WORDS, by_pod=True),
    Concept(
        "dns_wire_responses",
        _HUBBLE,
        "counter",
        ("source",),
        _SAID,
        only=_ANSWERING_END,
        words=_RCODE_WORDS,
        by_pod=True,
    ),
    Concept("dns_wire_requests", _HUBBLE_ASKED, "counter", ("destination_pod",), only=(_SENT,), by_pod=True),
    Concept("dns_wire_requests", _HUBBLE_ASKED, "counter", ("destination",), only=_ASKED_END, by_pod=True),
    Concept("dns_responses", r"container_dns_requests_total", "counter", ("domain",), ("status",)),
    Concept(
        "dns_lookup_failures", r"dns_lookup_duration_seconds_count", "counter", PROBED_LABELS, ("error_type",), True
    ),
    Concept("probe_ok", r"probe_success", "gauge", PROBED_LABELS, ("city", "module", "job")),
    Concept("requests", _HTTP_SERVER, "counter"),
    Concept("server_s", _SERVER_TIME.format("seconds") + "|http_server_request_duration_sum", "counter"),
    Concept("server_s", _SERVER_TIME.format("milliseconds"), "counter", scale=0.001),
    Concept("errors", _HTTP_SERVER, "counter", SERVICE_LABELS, _STATUSES, True),
    Concept("requests", _DURATION + "_count", "counter", told_by="durations"),
    Concept("errors", _DURATION + "_count", "counter", SERVICE_LABELS, _STATUSES, True, told_by="durations"),
    Concept("server_s", _DURATION + "_sum", "counter", told_by="durations"),
    Concept("requests", _INGRESS + "requests", "counter", _BEHIND, told_by="ingress"),
    Concept("errors", _INGRESS + "requests", "counter", _BEHIND, _STATUSES, True, told_by="ingress"),
    Concept("server_s", _INGRESS + "request_duration_seconds_sum", "counter", _BEHIND, told_by="ingress"),
    Concept("requests", _ISTIO, "counter", _ISTIO_SERVER, only=_BY_SERVER, told_by="istio"),
    Concept("errors", _ISTIO, "counter", _ISTIO_SERVER, _STATUSES, True, only=_BY_SERVER, told_by="istio"),
    Concept("server_s", _ISTIO_S, "counter", _ISTIO_SERVER, only=_BY_SERVER, told_by="istio", scale=0.001),
    Concept("requests", _ISTIO, "counter", _ISTIO_CLIENT, only=_GATEWAY, told_by="gateway"),
    Concept("errors", _ISTIO, "counter", _ISTIO_CLIENT, _STATUSES, True, only=_GATEWAY, told_by="gateway"),
    *(
        Concept(
            name, pattern, "counter", _ISTIO_HOST, _ISTIO_CLIENT, only=only, unless=unless, detail=said, scale=scale
        )
        for name, pattern, scale in (("client_outcomes", _ISTIO, 1.0), ("client_s", _ISTIO_S, 0.001))
        for only, unless, said in (
            (_BY_CLIENT + _UNSERVED, (), ("response_flags",)),
            (_BY_CLIENT, _UNSERVED, _SAID_BY_CALLEE),
        )
    ),
    Concept("client_requests", _HTTP_CLIENT, "counter", PEER_LABELS, _CALLER),
    Concept("client_errors", _HTTP_CLIENT, "counter", PEER_LABELS, _CALLER, True),
    Concept("requests", _SPANS, "counter", only=_SERVED_SPANS, told_by="spans"),
    Concept("errors", _SPANS, "counter", SERVICE_LABELS, (), True, only=_SERVED_SPANS, told_by="spans"),
    Concept("graph_requests", _GRAPH + "_total", "counter", _NODE, ("client",), detail=_PAIRED),
    Concept("graph_errors", _GRAPH + "_failed_total", "counter", _NODE, ("client",), detail=_PAIRED),
    Concept("graph_client_s", _GRAPH + "_client_seconds_sum", "counter", _NODE, ("client",), detail=_PAIRED),
    Concept("graph_server_s", _GRAPH + "_server_seconds_sum", "counter", _NODE, ("client",), detail=_PAIRED),
    Concept("requests", _GRPC_SERVER, "counter", told_by="grpc"),
    Concept("errors", _GRPC_SERVER, "counter", SERVICE_LABELS, _STATUSES, True, told_by="grpc"),
    Concept("requests", r"grpc_server_handled_total", "counter", told_by="handled"),
    Concept("errors", r"grpc_server_handled_total", "counter", SERVICE_LABELS, _STATUSES, True, told_by="handled"),
    Concept("server_s", r"grpc_server_handling_seconds_sum", "counter", told_by="handled"),
    Concept("client_requests", r"grpc_client_handled_total", "counter", _HANDLED, _CALLER, told_by="handled"),
    Concept("client_errors", r"grpc_client_handled_total", "counter", _HANDLED, _CALLER, True, told_by="handled"),
    Concept("client_requests", _GRPC_CLIENT, "counter", _TARGET, _CALLER, told_by="grpc"),
    Concept("client_errors", _GRPC_CLIENT, "counter", _TARGET, _CALLER, True, told_by="grpc"),
    Concept("requests", _ENVOY_IN, "counter", told_by="envoy"),
    Concept("errors", _ENVOY_IN, "counter", SERVICE_LABELS, _STATUSES, True, told_by="envoy"),
    Concept("client_requests", _ENVOY_OUT, "counter", _CLUSTER, _CALLER, told_by="envoy"),
    Concept("client_errors", _ENVOY_OUT, "counter", _CLUSTER, _CALLER, True, told_by="envoy"),
    Concept("requests", _ALB + "_request_count_sum", "sum", BALANCER_LABELS, told_by="balancer"),
    Concept("errors", _ALB + r"_httpcode_(target|elb)_5_xx_count_sum", "sum", BALANCER_LABELS, told_by="balancer"),
    # a backend counts what its servers answered and what the proxy did in their place; a frontend the same once more
    Concept("proxied", _HAPROXY + "http_responses_total", "counter", _BACKEND),
    Concept("proxied_errors", _HAPROXY + "http_responses_total", "counter", _BACKEND, _STATUSES, True),
    Concept("requests", r"aws_lambda_invocations_sum", "sum", _FUNCTION),
    Concept("errors", r"aws_lambda_errors_sum", "sum", _FUNCTION),
    Concept("throttled", r"aws_lambda_throttles_sum", "sum", _FUNCTION),
    Concept("client_outcomes", _HTTP_CLIENT, "counter", PEER_LABELS, _CALLER, detail=_OUTCOME),
    Concept(
        "client_s",
        _CLIENT_TIME.format("seconds") + "|http_client_request_duration_sum",
        "counter",
        PEER_LABELS,
        _CALLER,
        detail=_OUTCOME,
    ),
    Concept("client_s", _MS, "counter", PEER_LABELS, _CALLER, detail=_OUTCOME, scale=0.001),
    Concept("latency_s", r"podserverlatencyp95_s", "gauge"),
    Concept("queue_depth", r"\w+_queue_(depth|length|size)", "gauge", SERVICE_LABELS, ("queue",)),
    Concept("queue_depth", _HAPROXY + "current_queue", "gauge", _BACKEND),
    Concept("queue_age_s", r"\w+_queue_(oldest_)?age_seconds", "gauge", SERVICE_LABELS, ("queue",)),
    Concept("queue_age_s", _QUEUE_MS, "gauge", SERVICE_LABELS, ("queue",), scale=0.001),
    Concept("work", r"\w+_attempts_total", "counter", SERVICE_LABELS, ("outcome", "result", "status")),
    Concept("leases_active", r"\w+_leases_active", "gauge"),
    Concept("healthy_hosts", _HEALTHY, "gauge", BALANCER_LABELS, ZONE_LABELS),
    Concept("healthy_hosts", _HAPROXY + "active_servers", "gauge", _BACKEND),
    Concept("unhealthy_hosts", _UNHEALTHY, "gauge", BALANCER_LABELS, ZONE_LABELS),
    Concept("health_flips", r"\w+_health_check_flips_total", "counter", BALANCER_LABELS, ZONE_LABELS),
    Concept("propagation_delay_s", r"\w+_propagation_delay_seconds", "gauge"),
    Concept("throttled", r"\w+_throttled_requests_total", "counter"),
    Concept("throttled", r"aws_dynamodb_throttled_requests_sum", "sum", ("dimension_TableName",)),
    Concept("plan_generation", r"\w+_plan_generation", "gauge", _RECORD, _WRITER),
    Concept("lock_failures", r"\w+_lock_failures_total", "counter", _RECORD, _WRITER),
    Concept("cache_hits", r"redis_keyspace_hits_total", "counter"),
    Concept("cache_misses", r"redis_keyspace_misses_total", "counter"),
    Concept("retries", _PROXY_RETRIES, "counter", SERVICE_LABELS, PEER_LABELS),
    Concept("cpu", _CPU_SECONDS, "counter"),
    Concept("cpu", r"container_cpu_usage_seconds_total", "counter", CONTAINER_LABELS, told_by="containers"),
    Concept("cpu", r"cpuusage_m", "gauge"),
    Concept("memory", _MEMORY, "gauge"),
    Concept("memory", r"memoryusage_mi", "gauge", scale=2.0**20),
    Concept("memory", r"container_memory_working_set_bytes", "gauge", CONTAINER_LABELS),
    Concept("network", _NETWORK, "counter", CONTAINER_LABELS),
    Concept("network", r"network(receive|transmit)bytes", "gauge"),
    Concept("up", r"up", "gauge"),
    Concept("version", _VERSIONS, "gauge", SERVICE_LABELS, ("service_version", "version")),
    Concept("version", r"kube_pod_container_info", "gauge", ("pod", "container"), _IMAGE, unless=_SIDECAR),
)
"""Every row whose pattern matches applies: one counter is `requests` and, where its status says so, `errors`."""


def users_only(concept: Concept) -> bool:
    """Whether a concept counts what servers were asked, which is to leave out whoever watches over them."""
    return concept.name in ("requests", "errors", "server_s")


def normalise(name: str) -> str:
    """A metric name in lower case, with anything but letters and digits as single underscores.

    >>> normalise("CpuUsage(m)")
    'cpuusage_m'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def counts_outcomes(name: str) -> bool:
    """Whether a name that no concept reads may count requests by how they ended, as far as a name tells."""
    plain = normalise(name)
    read = concepts_of(plain) or concepts_of(re.sub("_count$", "_sum", plain))
    return not read and re.fullmatch(_COUNTING, plain) is not None and re.fullmatch(_COUNTED_ELSEWHERE, plain) is None


def concepts_of(name: str) -> tuple[Concept, ...]:
    """The rows of the table that read the metric of this name; none: the name is unknown."""
    plain = normalise(name)
    return tuple(concept for concept in CONCEPTS if re.fullmatch(concept.pattern, plain))
