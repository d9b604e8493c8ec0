"""Asks the DNS server for every name and writes what blackbox_exporter would have shown Prometheus.

Metrics and their meaning are those of blackbox_exporter's DNS prober with its defaults: any answer
with the response code NOERROR is a success, an empty one too.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from dnslib import RCODE, DNSError, DNSRecord

INTERVAL_S = 5.0
TIMEOUT_S = 2.0
HELP = {
    "probe_dns_answer_rrs": "Returns number of entries in the answer resource record list",
    "probe_dns_duration_seconds": "Duration of DNS request by phase",
    "probe_dns_query_succeeded": "Displays whether or not the query was executed successfully",
    "probe_success": "Displays whether or not the probe was a success",
}


class Prober:
    """Probes in a thread of its own from `start` to `stop`, then writes OpenMetrics text with timestamps."""

    def __init__(self, hosts: list[str], server: str) -> None:
        self._hosts, self._server = hosts, server
        self._samples: dict[str, list[str]] = {name: [] for name in HELP}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begins with a probe of every name at once."""
        self._thread.start()

    def stop(self, path: Path) -> None:
        """Ends the probing and writes all samples; families stand together, as OpenMetrics asks."""
        self._stop.set()
        self._thread.join()
        lines: list[str] = []
        for name, samples in self._samples.items():
            lines += [f"# TYPE {name} gauge", f"# HELP {name} {HELP[name]}", *samples]
        path.write_text("\n".join([*lines, "# EOF", ""]))

    def _run(self) -> None:
        while True:
            for host in self._hosts:
                self._probe(host)
            if self._stop.wait(INTERVAL_S):
                return

    def _probe(self, host: str) -> None:
        at, begun = time.time(), time.monotonic()
        try:
            reply = DNSRecord.parse(DNSRecord.question(host, "A").send(self._server, timeout=TIMEOUT_S))
        except (TimeoutError, OSError, DNSError):
            reply = None
        took = time.monotonic() - begun
        self._add(at, "probe_dns_answer_rrs", host, len(reply.rr) if reply else 0)
        self._add(at, "probe_dns_query_succeeded", host, int(reply is not None))
        self._add(at, "probe_success", host, int(reply is not None and reply.header.rcode == RCODE.NOERROR))
        self._add(at, "probe_dns_duration_seconds", host, round(took, 6), ',phase="request"')

    def _add(self, at: float, name: str, host: str, value: float, labels: str = "") -> None:
        self._samples[name].append(f'{name}{{job="dns-probe",instance="{host}"{labels}}} {value} {at:.3f}')
