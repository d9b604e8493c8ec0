"""Tells of every change of the zone as an OpenTelemetry event, in the recording with everything else."""

from __future__ import annotations

import time

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource

ACTOR = "zone-admin"


class ChangeLog:
    """Sends one log record a change, whose EventName is the kind of the change."""

    def __init__(self, sink_url: str) -> None:
        self._provider = LoggerProvider(resource=Resource({"service.name": "dns"}), shutdown_on_exit=False)
        self._provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{sink_url}/v1/logs")))
        self._logger = self._provider.get_logger("lab.zone")

    def announce(self, kind: str, target: str, generation: int, answers: int, detail: str) -> None:
        """One change of a record set."""
        attributes = {
            "change.target": target,
            "change.actor": ACTOR,
            "change.generation": generation,
            "change.answers": answers,
            "change.outcome": "ok",
        }
        self._logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                event_name=kind,
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body=detail,
                attributes=attributes,
            )
        )

    def close(self) -> None:
        """Flushes."""
        self._provider.shutdown()
