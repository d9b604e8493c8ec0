"""Attributes of healthy and failed spans as each language's instrumentation writes them today.

Old and new HTTP conventions stand side by side in the wild: Python's `requests` still writes `http.url` and no
server address, Node and Java write `url.full` and `server.address`, DynamoDB is `db.system` in Python and
`db.system.name` in Node (seen in recordings of OpenTelemetry's zero-code instrumentation, 2026).
"""

from __future__ import annotations

from ..world.history import Edge, Service
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


def server_attributes(service: Service, status: int) -> Attributes:
    """Attributes of a server span."""
    method, route = method_of(service.operation), route_of(service.operation)
    host = service.hosts[0] if service.hosts else service.name
    if service.language == "python":
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


def client_attributes(edge: Edge, status: int | None, error_type: str, resends: int) -> Attributes:
    """Attributes of an attempt; `status` None: nothing answered."""
    if edge.dialect == "python-botocore":
        return _botocore(edge, status)
    if edge.dialect == "grpc-python":
        return _grpc(edge, status)
    url = f"https://{edge.peer}{route_of(edge.operation)}"
    if edge.dialect.startswith("python"):
        attributes = {"http.method": method_of(edge.operation), "http.url": url}
        return attributes | ({"http.status_code": str(status)} if status else {})
    attributes = {
        "http.request.method": method_of(edge.operation),
        "server.address": edge.peer,
        "server.port": "443",
        "url.full": url,
    }
    if status:
        attributes |= {"http.response.status_code": str(status), "network.protocol.version": "1.1"}
        attributes |= {"network.peer.address": ADDRESS} if edge.dialect.startswith("node") else {}
    failed_by_status = status is not None and status >= 500 and not edge.dialect.startswith("node")
    if failed_by_status or error_type:
        attributes["error.type"] = error_type or str(status)
    if resends and edge.dialect == "java-httpclient":
        attributes["http.request.resend_count"] = str(resends)
    return attributes


def sdk_attributes(edge: Edge, answered: bool) -> Attributes:
    """Attributes of the span that Node's AWS SDK puts around all attempts of one call."""
    attributes = {"cloud.region": "us-east-1", "rpc.system": "aws-api", "rpc.service": _aws_service(edge)}
    attributes["rpc.method"] = edge.operation.rpartition(".")[2]
    if _is_dynamodb(edge):
        attributes |= {"db.system.name": "dynamodb", "db.operation.name": attributes["rpc.method"]}
    return attributes | ({"aws.request.id": REQUEST_ID} if answered else {})


def _botocore(edge: Edge, status: int | None) -> Attributes:
    method = edge.operation.rpartition(".")[2]
    attributes = {
        "cloud.region": "us-east-1",
        "rpc.method": method,
        "rpc.service": _aws_service(edge),
        "rpc.system": "aws-api",
        "server.address": edge.peer,
        "server.port": "443",
    }
    if _is_dynamodb(edge):
        attributes |= {"db.operation": method, "db.system": "dynamodb", "net.peer.name": edge.peer}
    if status:
        attributes |= {"aws.request_id": REQUEST_ID, "http.status_code": str(status), "retry_attempts": "0"}
    return attributes


def _grpc(edge: Edge, status: int | None) -> Attributes:
    return {
        "rpc.grpc.status_code": {None: "14", 200: "0"}.get(status, "13"),
        "rpc.method": edge.operation.rpartition("/")[2],
        "rpc.service": edge.operation.rpartition("/")[0].lstrip("/") or edge.server,
        "rpc.system": "grpc",
        "server.address": edge.peer,
    }


def _aws_service(edge: Edge) -> str:
    return edge.operation.partition(".")[0] if "." in edge.operation else edge.server


def _is_dynamodb(edge: Edge) -> bool:
    return _aws_service(edge).lower() == "dynamodb"
