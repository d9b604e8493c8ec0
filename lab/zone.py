"""A real DNS server for the shop's zone, whose names can be emptied, removed, broken or moved while it serves.

Emptied is NODATA (RFC 2308, section 2.2): NOERROR without answers, for A and AAAA alike.
Removed is NXDOMAIN (section 2.1). A stale name still points at where nobody listens any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from dnslib import QTYPE, RCODE, RR, SOA, A, DNSError, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from .estate import ZONE

State = Literal["ok", "nodata", "nxdomain", "servfail", "timeout", "stale"]
Announce = Callable[[str, str, int, int, str], None]
"""Called with kind, host, generation, number of addresses and a sentence for each change."""

NEGATIVE_TTL_S = 5
TTL_S = 5
DRAINED = 99
"""Last part of the address to which a stale name points."""
LEFT = {"nodata": "the name is left without addresses", "nxdomain": "the name is gone"}


class Zone(BaseResolver):
    """The zone's records; every change raises its serial and is announced.

    The generation of a record is the serial that wrote it; deleting it names the generation that goes.
    """

    def __init__(self, addresses: dict[str, str], announce: Announce) -> None:
        self._addresses = addresses
        self._state: dict[str, State] = {}
        self._serial = 0
        self._generation: dict[str, int] = {}
        self._announce = announce
        self._lock = threading.Lock()
        for host in addresses:
            self.set(host, "ok")

    def set(self, host: str, state: State) -> None:
        """Puts a name into a state, from the next query on. A server that fails or is silent changes no record."""
        with self._lock:
            changed = state in ("ok", "stale", *LEFT) and self._state.get(host) not in ("servfail", "timeout")
            self._state[host] = state
            self._serial += changed
            if changed and state not in LEFT:
                self._generation[host] = self._serial
            generation = self._generation[host]
        if not changed:
            return
        if state in LEFT:
            self._announce("record.delete", host, generation, 0, f"records of {host} deleted: {LEFT[state]}")
        else:
            self._announce("record.upsert", host, generation, 1, f"{host} points at {self._address(host)}")

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        """Answers one query, or raises DNSError, which leaves it without an answer; the interface of dnslib."""
        reply = request.reply()
        host = str(request.q.qname).rstrip(".").lower()
        state = self._state.get(host, "nxdomain")
        if state == "timeout":
            raise DNSError(f"{host} is not answered")
        if state == "servfail":
            reply.header.rcode = RCODE.SERVFAIL
            return reply
        if state == "nxdomain":
            reply.header.rcode = RCODE.NXDOMAIN
        if state in ("ok", "stale") and request.q.qtype == QTYPE.A:
            reply.add_answer(RR(host, QTYPE.A, rdata=A(self._address(host)), ttl=TTL_S))
        else:
            reply.add_auth(RR(ZONE, QTYPE.SOA, rdata=self._soa(), ttl=NEGATIVE_TTL_S))
        return reply

    def _address(self, host: str) -> str:
        address = self._addresses[host]
        return f"{address.rpartition('.')[0]}.{DRAINED}" if self._state[host] == "stale" else address

    def _soa(self) -> SOA:
        times = (self._serial, 3600, 600, 86400, NEGATIVE_TTL_S)  # serial, refresh, retry, expire, minimum
        return SOA(f"ns.{ZONE}", f"hostmaster.{ZONE}", times)


def serve(zone: Zone, address: str) -> DNSServer:
    """Starts the server on port 53 of a loopback address: resolv.conf knows no other port."""
    server = DNSServer(
        zone, address=address, port=53, logger=DNSLogger("-request,-reply,-truncated,-error", prefix=False)
    )
    server.start_thread()
    return server
