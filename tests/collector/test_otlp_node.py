"""The SDK for Node.js, whose JSON, protobuf and gRPC were written by others than Python's, exports to the receivers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.collector.receivers import Taken, receiving
from tests.programs import TOOLS, require

MODULES = TOOLS.parent / "node_modules"


@pytest.mark.parametrize("way", ["http", "proto", "grpc"])
def test_spans_metrics_and_logs_of_the_nodejs_sdk(way: str) -> None:
    node = require("node")
    if not (MODULES / "@opentelemetry" / "sdk-node").is_dir():
        pytest.skip("@opentelemetry/sdk-node is not in .tools/node_modules (make test installs it)")
    taken = Taken()
    with receiving(taken) as ports:
        url = f"http://127.0.0.1:{ports.grpc}" if way == "grpc" else ports.url
        command = [node, Path(__file__).parent / "node_sdk" / "export.cjs", way, url]
        environment = os.environ | {"NODE_PATH": os.fspath(MODULES)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert {export.json for export in taken.exports} == {way == "http"}
    (span,), (log,), (sample,) = (taken.rows(table) for table in ("spans", "logs", "samples"))
    words = ("SpanName", "SpanKind", "ServiceName", "StatusCode", "StatusMessage")
    assert [span[word] for word in words] == ["GET /x", "Client", "storefront", "Error", "boom"]
    assert span["SpanAttributes"] == [("http.status_code", "503"), ("tags", '["a","b"]')]
    assert [(event["Name"], event["Attributes"]) for event in span["Events"]] == [
        ("exception", [("exception.message", "no route")])
    ]
    assert [log[word] for word in ("Body", "SeverityText", "ServiceName")] == ["all is lost", "WARN", "storefront"]
    assert (log["TraceId"], log["SpanId"]) == (span["TraceId"], span["SpanId"])
    assert log["LogAttributes"] == [("attempt", "3")]
    assert (sample["Name"], sample["Value"], dict(sample["Labels"])["kind"]) == ("orders_total", 5.0, "book")
