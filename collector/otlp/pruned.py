"""What `ptars` reads of export requests of spans: the protocol's own messages without what nobody asks for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

_READ = {
    "ExportTraceServiceRequest": ("resource_spans",),
    "ResourceSpans": ("resource", "scope_spans"),
    "Resource": ("attributes",),
    "ScopeSpans": ("spans",),
    "Span": (
        *("trace_id", "span_id", "parent_span_id", "name", "kind", "start_time_unix_nano", "end_time_unix_nano"),
        *("attributes", "events", "status"),
    ),
    "Event": ("time_unix_nano", "name", "attributes"),
    "Status": ("message", "code"),
    "KeyValue": ("key", "value"),
}
"""The fields that are read of a message; of others, all. What is left out is skipped at no cost."""

PLAIN = ("string_value", "int_value")
"""Nearly all attributes are texts or whole numbers: to look for other kinds of values takes half as much again."""

_CHECKED = {
    "ExportTraceServiceRequest": ("resource_spans",),
    "ResourceSpans": ("scope_spans",),
    "ScopeSpans": ("spans",),
    "Span": (
        *("trace_id", "span_id", "parent_span_id", "start_time_unix_nano", "end_time_unix_nano"),
        "events",
    ),
    "Event": ("time_unix_nano",),
}
"""All that a span may be refused for."""

NESTED = ("array_value", "kvlist_value")
"""Values that Arrow has no type for, since they hold values: they stay encoded."""


def _descriptor(fields: Mapping[str, tuple[str, ...]]) -> Descriptor:
    """The protocol's own request without what is not read."""
    pool = DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, trace_service_pb2):
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in [*file.message_type, *(one for outer in file.message_type for one in outer.nested_type)]:
            read = fields.get(message.name)
            kept = [field for field in message.field if read is None or field.name in read]
            for field in kept:
                if field.name in NESTED:
                    field.type = FieldDescriptorProto.TYPE_BYTES
                    field.ClearField("type_name")
            del message.field[:]
            message.field.extend(kept)
        pool.Add(file)
    name = trace_service_pb2.ExportTraceServiceRequest.DESCRIPTOR.full_name
    return pool.FindMessageTypeByName(name)


def _handler(fields: Mapping[str, tuple[str, ...]]) -> Any:
    """What makes Arrow arrays of requests; None where `ptars` is not installed."""
    try:
        ptars: Any = import_module("ptars")
    except ModuleNotFoundError:
        return None
    descriptor = _descriptor(fields)
    return ptars.HandlerPool([descriptor.file]).get_for_message(descriptor)


@cache
def reader() -> Any:
    """Reads all that a recording holds of spans; None where `ptars` is not installed, as the others."""
    return _handler(_READ)


@cache
def plain_reader() -> Any:
    """Reads the same but for attributes that are neither texts nor whole numbers."""
    return _handler({**_READ, "AnyValue": PLAIN})


@cache
def checker() -> Any:
    """Reads all that a span may be refused for."""
    return _handler(_CHECKED)
