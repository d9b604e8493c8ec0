"""Attributes of healthy and failed spans: as each language's instrumentation writes them today, or all old, or all new.

Old: before OpenTelemetry's HTTP conventions became stable (1.20). New: all that is stable or a release candidate in
its conventions 1.44, opted in to everywhere. Today's instrumentation stands in between, and old and new side by side:
Python's `requests` still writes `http.url` and no server address, Node and Java write `url.full` and
`server.address`, DynamoDB is `db.system` in Python and `db.system.name` in Node (seen in recordings of
OpenTelemetry's zero-code instrumentation, 2026).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..world.history import Edge, Service
from .mix import Conventions
from .wording import ADDRESS

Attributes = dict[str, str]

_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
REQUEST_ID = "\0"
"""Stands for a value that is drawn anew for each span."""

_SDK_VERSIONS = {"python": "1.45.1", "node": "2.12.0", "java": "1.62.0", "go": "1.46.0"}
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


def method_of(operation: str) -> str:
    """The HTTP method of an operation; what names none is an action that is posted."""
    verb = operation.split(" ", 1)[0]
    return verb if verb in _VERBS else "POST"


def route_of(operation: str) -> str:
    """The route of an operation, "/" where it names none."""
    _, _, rest = operation.partition(" ")
    return rest if rest.startswith("/") else "/"


def resource(service: Service, instance: int) -> Attributes:
    """Resource attributes of one instance of a service; instances stand in different zones."""
    language = "nodejs" if service.language == "node" else service.language
    return {
        "cloud.availability_zone": ZONES[instance % len(ZONES)],
        "cloud.provider": "aws",
        "cloud.region": "us-east-1",
        "host.name": f"{service.name}-{instance}",
        "service.instance.id": f"{service.name}-{instance}",
        "service.name": service.name,
        "telemetry.sdk.language": language,
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": _SDK_VERSIONS[service.language],
    }


def server_attributes(service: Service, status: int, conventions: Conventions) -> Attributes:
    """Attributes of a server span."""
    method, route = method_of(service.operation), route_of(service.operation)
    host = service.hosts[0] if service.hosts else service.name
    if conventions == "old" or (conventions == "today" and service.language == "python"):
        return {
            "http.flavor": "1.1",
            "http.host": host,
            "http.method": method,
            "http.route": route,
            "http.scheme": "https",
            "http.status_code": str(status),
            "http.target": route,
            "net.host.name": host,
        }
    attributes = {
        "http.request.method": method,
        "http.response.status_code": str(status),
        "http.route": route,
        "server.address": host,
        "url.path": route,
        "url.scheme": "https",
    }
    return attributes | ({"error.type": str(status)} if status >= 500 else {})


def client_span(edge: Edge) -> str:
    """Name of an attempt's span: HTTP's is the bare method, since a URL would make too many names."""
    if edge.dialect in ("python-botocore", "grpc-python"):
        return edge.operation
    return method_of(edge.operation)


def tells_resends(edge: Edge, conventions: Conventions) -> bool:
    """Whether an attempt's span tells how many came before it."""
    if edge.dialect == "grpc-python":
        return False
    return edge.dialect in ("java-httpclient", "python-botocore") or conventions == "new"


def client_attributes(
    edge: Edge,
    status: int | None,
    error_type: str,
    resends: int,
    conventions: Conventions,
    late: bool = False,
) -> Attributes:
    """Attributes of an attempt; `status` None: nothing answered; late: the client gave up waiting.

    resends: attempts before it. error_type: what the client calls its failure, "" where it does not say.
    """
    if edge.dialect == "python-botocore":
        return _botocore(edge, status, error_type, resends, conventions)
    if edge.dialect == "grpc-python":
        return _grpc(edge, status, late, conventions)
    if conventions == "old" or (conventions == "today" and edge.dialect.startswith("python")):
        return _old_http(edge, status, bare=conventions == "today")
    attributes = {
        "http.request.method": method_of(edge.operation),
        "server.address": edge.peer,
        "server.port": "443",
        "url.full": _url(edge),
    }
    if status:
        attributes |= {"http.response.status_code": str(status), "network.protocol.version": "1.1"}
        attributes |= {"network.peer.address": ADDRESS} if edge.dialect.startswith("node") else {}
    node_today = conventions == "today" and edge.dialect.startswith("node")
    failed_by_status = status is not None and status >= 500 and not node_today
    if failed_by_status or error_type:
        attributes["error.type"] = error_type or str(status)
    if resends and tells_resends(edge, conventions):
        attributes["http.request.resend_count"] = str(resends)
    return attributes


def sdk_attributes(edge: Edge, answered: bool, conventions: Conventions) -> Attributes:
    """Attributes of the span that Node's AWS SDK puts around all attempts of one call."""
    attributes = {"cloud.region": "us-east-1"} | _aws_method(edge, conventions)
    if _is_dynamodb(edge):
        attributes |= _dynamodb(edge, "new-name" if conventions == "today" else conventions)
    return attributes | ({"aws.request.id": REQUEST_ID} if answered else {})


def _url(edge: Edge) -> str:
    return f"https://{edge.peer}{route_of(edge.operation)}"


def _old_http(edge: Edge, status: int | None, *, bare: bool) -> Attributes:
    """`bare`: without the peer, as Python's `requests` has it."""
    attributes = {"http.method": method_of(edge.operation), "http.url": _url(edge)}
    if not bare:
        attributes |= {"net.peer.name": edge.peer, "net.peer.port": "443"}
    return attributes | ({"http.status_code": str(status)} if status else {})


def _botocore(edge: Edge, status: int | None, error_type: str, resends: int, conventions: Conventions) -> Attributes:
    attributes = {"cloud.region": "us-east-1"} | _aws_method(edge, conventions)
    if conventions != "old":
        attributes |= {"server.address": edge.peer, "server.port": "443"}
    if conventions == "old" or (conventions == "today" and _is_dynamodb(edge)):
        attributes["net.peer.name"] = edge.peer
    if _is_dynamodb(edge):
        attributes |= _dynamodb(edge, conventions)
    if conventions == "new" and (error_type or (status or 0) >= 500):
        attributes["error.type"] = error_type or str(status)
    if status:
        code = "http.response.status_code" if conventions == "new" else "http.status_code"
        attributes |= {"aws.request_id": REQUEST_ID, code: str(status), "retry_attempts": str(resends)}
    return attributes


def _dynamodb(edge: Edge, conventions: str) -> Attributes:
    method = edge.operation.rpartition(".")[2]
    if conventions == "new":
        return {"db.system.name": "aws.dynamodb", "db.operation.name": method}
    if conventions == "new-name":
        return {"db.system.name": "dynamodb", "db.operation.name": method}
    return {"db.system": "dynamodb", "db.operation": method}


def _aws_method(edge: Edge, conventions: Conventions) -> Attributes:
    service, method = _aws_service(edge), edge.operation.rpartition(".")[2]
    if conventions == "new":
        return {"rpc.system.name": "aws-api", "rpc.method": f"{service}/{method}"}
    return {"rpc.system": "aws-api", "rpc.service": service, "rpc.method": method}


_GRPC_NAMES: Mapping[str, str] = {"0": "OK", "4": "DEADLINE_EXCEEDED", "13": "INTERNAL", "14": "UNAVAILABLE"}


def _grpc(edge: Edge, status: int | None, late: bool, conventions: Conventions) -> Attributes:
    code = "4" if late else {None: "14", 200: "0"}.get(status, "13")
    method = edge.operation.rpartition("/")[2]
    service = edge.operation.rpartition("/")[0].lstrip("/") or edge.server
    if conventions == "new":
        attributes = {
            "rpc.method": f"{service}/{method}",
            "rpc.response.status_code": _GRPC_NAMES[code],
            "rpc.system.name": "grpc",
            "server.address": edge.peer,
        }
        return attributes | ({"error.type": _GRPC_NAMES[code]} if code != "0" else {})
    return {
        "rpc.grpc.status_code": code,
        "rpc.method": method,
        "rpc.service": service,
        "rpc.system": "grpc",
        "net.peer.name" if conventions == "old" else "server.address": edge.peer,
    }


def _aws_service(edge: Edge) -> str:
    return edge.operation.partition(".")[0] if "." in edge.operation else edge.server


def _is_dynamodb(edge: Edge) -> bool:
    return _aws_service(edge).lower() == "dynamodb"
