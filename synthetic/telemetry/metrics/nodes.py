"""node_exporter on each node of the cluster: what the pods' work does to processors, memory, disks and the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...world.history import History
from .base import Family, Floats, Labels
from .grid import Grid
from .machines import Node, node_name, nodes_of, totals, trailing, wobble
from .shapes import gauges

_LOG_BYTES, _FAILURE_BYTES = 200.0, 1500.0
"""Logged for each request, and beside it for each that fails (assumed)."""
_KEPT = 0.3
"""Share of what is logged that stays on the disk until rotated files are shipped (assumed)."""
_IDLE_WRITES, _IDLE_READS, _IO_BYTES = 200e3, 30e3, 32e3
"""Bytes a second that a node at rest writes and reads, and the bytes of one operation (assumed)."""
_IO_S = 0.0008
"""Of one operation on a network volume (assumed)."""
_DISK_BYTES, _INODES = 100.0 * 2**30, 52_428_800.0
_PACKET_BYTES, _NIC_BYTES_PER_S = 900.0, 1.25e9
_UP_S = 12.3 * 86400.0
"""How long the nodes had been running when the world began (assumed)."""
_ROOT = {"device": "/dev/nvme0n1p1", "fstype": "xfs", "mountpoint": "/"}
_DISK, _NIC, _CLOCK = {"device": "nvme0n1"}, {"device": "eth0"}, dict[str, str]()
_UNITS = ("containerd.service", "kubelet.service", "sshd.service", "systemd-journald.service")

Of = Callable[[History, Node], Floats]
Rows = Iterator[tuple[Labels, Floats]]


def nodes(grid: Grid) -> Iterator[Family]:
    """Counters since the nodes' start, and states, of three nodes."""
    history, all_nodes = grid.history, nodes_of(grid)
    told = "Seconds the processors spent in each mode."
    yield totals(grid, "node_cpu_seconds_total", told, _cpu(history, all_nodes))
    for name, told, labels, of in _FLOWS:
        flows = (({**_job(node), **labels}, of(history, node)) for node in all_nodes)
        yield totals(grid, f"node_{name}_total" if "vmstat" not in name else f"node_{name}", told, flows)
    for name, told, labels, of in _STATES:
        rows = (({**_job(node), **labels}, grid.state(of(history, node))) for node in all_nodes)
        yield gauges(f"node_{name}", told, rows)
    yield from _memory(grid, all_nodes)
    yield from _facts(grid, all_nodes)


def _job(node: Node) -> dict[str, str]:
    return exporter_of(node.number)


def exporter_of(number: int) -> dict[str, str]:
    """Labels of the scrape of a node's exporter."""
    return {"job": "node-exporter", "namespace": "monitoring", "instance": node_name(number)}


def _cpu(history: History, all_nodes: list[Node]) -> Rows:
    for node in all_nodes:
        waits = np.minimum(0.1 * node.cores, _operations(history, node) * _IO_S)
        stolen = 0.002 * node.cores * wobble(history, f"{node.name}/steal", 0.3)
        modes = {
            "user": 0.78 * node.busy,
            "system": 0.22 * node.busy,
            "iowait": waits,
            "steal": stolen,
        }
        modes["idle"] = np.maximum(0.0, node.cores - sum(modes.values(), np.zeros(history.ticks)))
        for cpu in range(node.cores):
            for mode, cores in modes.items():
                yield {**_job(node), "cpu": str(cpu), "mode": mode}, cores / node.cores * history.tick_s


def _written(history: History, node: Node) -> Floats:
    """[T] bytes a tick: logs, and what a node writes anyway."""
    idle = _IDLE_WRITES * history.tick_s * wobble(history, f"{node.name}/disk", 0.1)
    return _LOG_BYTES * node.requests + _FAILURE_BYTES * node.failed + idle


def _read(history: History, node: Node) -> Floats:
    return _IDLE_READS * history.tick_s * wobble(history, f"{node.name}/reads", 0.2)


def _operations(history: History, node: Node) -> Floats:
    """[T] operations of the disk a second."""
    return (_written(history, node) + _read(history, node)) / _IO_BYTES / history.tick_s


def _load(seconds: float) -> Of:
    return lambda h, n: trailing(n.busy + _operations(h, n) * _IO_S, seconds, h.tick_s)


def _opened(history: History, node: Node) -> Floats:
    """[T] connections opened a second: a failure mostly costs one."""
    return (0.02 * node.requests + node.failed) / history.tick_s


def _offset(history: History, node: Node) -> Floats:
    return 2e-5 * (wobble(history, f"{node.name}/clock", 1.0) - 1.0)


def _available_disk(history: History, node: Node) -> Floats:
    logged = _LOG_BYTES * node.requests + _FAILURE_BYTES * node.failed
    return np.maximum(0.0, (0.62 - 0.03 * node.number) * _DISK_BYTES - _KEPT * np.cumsum(logged))


def _still(value: float) -> Of:
    return lambda h, _: np.full(h.ticks, value)


_Table = tuple[tuple[str, str, Labels, Of], ...]
_FLOWS: _Table = (
    ("context_switches", "Context switches.", {}, lambda h, n: 12.0 * n.requests + 4e3 * h.tick_s),
    ("disk_read_bytes", "Bytes read from disks.", _DISK, _read),
    ("disk_written_bytes", "Bytes written to disks.", _DISK, _written),
    ("disk_reads_completed", "Reads that ended.", _DISK, lambda h, n: _read(h, n) / _IO_BYTES),
    ("disk_writes_completed", "Writes that ended.", _DISK, lambda h, n: _written(h, n) / _IO_BYTES),
    ("disk_read_time_seconds", "Time that reads took.", _DISK, lambda h, n: _read(h, n) / _IO_BYTES * _IO_S),
    ("disk_write_time_seconds", "Time that writes took.", _DISK, lambda h, n: _written(h, n) / _IO_BYTES * _IO_S),
    ("disk_io_time_seconds", "Time that disks were busy.", _DISK, lambda h, n: _operations(h, n) * _IO_S * h.tick_s),
    (
        "disk_io_time_weighted_seconds",
        "Time of all operations under way.",
        _DISK,
        lambda h, n: 1.1 * _operations(h, n) * _IO_S * h.tick_s,
    ),
    ("network_receive_bytes", "Bytes received.", _NIC, lambda h, n: n.wire + 2e4 * h.tick_s),
    ("network_transmit_bytes", "Bytes sent.", _NIC, lambda h, n: n.wire + 3e4 * h.tick_s),
    ("network_receive_packets", "Packets received.", _NIC, lambda h, n: n.wire / _PACKET_BYTES + 50 * h.tick_s),
    ("network_transmit_packets", "Packets sent.", _NIC, lambda h, n: n.wire / _PACKET_BYTES + 50 * h.tick_s),
    ("network_receive_errs", "Packets received with errors.", _NIC, _still(0.0)),
    ("network_transmit_errs", "Packets that could not be sent.", _NIC, _still(0.0)),
    ("network_receive_drop", "Packets received and dropped.", _NIC, lambda h, n: 2e-6 * n.wire / _PACKET_BYTES),
    ("network_transmit_drop", "Packets dropped before they were sent.", _NIC, _still(0.0)),
    ("vmstat_pgmajfault", "Page faults that needed the disk.", {}, lambda h, n: 0.3 * _read(h, n) / _IO_BYTES),
    ("vmstat_oom_kill", "Processes killed for want of memory.", {}, _still(0.0)),
)
_STATES: _Table = (
    ("load1", "Load over 1 minute.", {}, _load(60.0)),
    ("load5", "Load over 5 minutes.", {}, _load(300.0)),
    ("load15", "Load over 15 minutes.", {}, _load(900.0)),
    ("filesystem_avail_bytes", "Bytes free to users.", _ROOT, _available_disk),
    ("filesystem_free_bytes", "Bytes free.", _ROOT, lambda h, n: _available_disk(h, n) + 0.01 * _DISK_BYTES),
    ("filesystem_size_bytes", "Size of a file system.", _ROOT, _still(_DISK_BYTES)),
    ("filesystem_files", "Inodes of a file system.", _ROOT, _still(_INODES)),
    (
        "filesystem_files_free",
        "Inodes that are free.",
        _ROOT,
        lambda h, n: np.floor(_INODES - 2e5 - np.cumsum(n.requests) / 1e5),
    ),
    ("filesystem_readonly", "Whether a file system is read-only.", _ROOT, _still(0.0)),
    ("filesystem_device_error", "Whether a file system could not be asked.", _ROOT, _still(0.0)),
    (
        "filefd_allocated",
        "File descriptors in use.",
        {},
        lambda h, n: np.round(2500 + 2.0 * n.held + _opened(h, n)),
    ),
    ("network_speed_bytes", "Bytes a second that an interface can carry.", _NIC, _still(_NIC_BYTES_PER_S)),
    ("textfile_scrape_error", "Whether a file of metrics could not be read.", {}, _still(0.0)),
    ("filefd_maximum", "File descriptors that may be in use.", {}, _still(9.2e18)),
    (
        "nf_conntrack_entries",
        "Connections that the firewall follows, for two minutes after their end.",
        {},
        lambda h, n: np.round(400 + n.held + 120 * trailing(_opened(h, n), 120.0, h.tick_s)),
    ),
    ("nf_conntrack_entries_limit", "Connections that the firewall can follow.", {}, _still(262_144.0)),
    ("sockstat_TCP_inuse", "TCP sockets in use.", {}, lambda h, n: np.round(120 + n.held)),
    (
        "sockstat_TCP_tw",
        "TCP sockets that wait for a minute after their end.",
        {},
        lambda h, n: np.round(60 * trailing(_opened(h, n), 60.0, h.tick_s)),
    ),
    ("netstat_Tcp_CurrEstab", "TCP connections that stand.", {}, lambda h, n: np.round(80 + n.held)),
    ("timex_offset_seconds", "Offset of the clock.", _CLOCK, _offset),
    ("timex_maxerror_seconds", "Greatest error of the clock.", _CLOCK, lambda h, n: 0.008 + np.abs(_offset(h, n))),
    ("timex_estimated_error_seconds", "Likely error of the clock.", _CLOCK, lambda h, n: np.abs(_offset(h, n))),
    ("timex_sync_status", "Whether the clock is kept by a server.", _CLOCK, _still(1.0)),
)


def _memory(grid: Grid, all_nodes: list[Node]) -> Iterator[Family]:
    def cached(node: Node) -> Floats:
        files = 0.25 * node.memory * grid.state(wobble(grid.history, f"{node.name}/cache", 0.02))
        return np.minimum(files, 0.8 * (node.memory - node.used))

    parts: tuple[tuple[str, str, Callable[[Node], Floats]], ...] = (
        ("MemTotal", "Memory that there is.", lambda n: np.full(len(grid.times), n.memory)),
        ("MemAvailable", "Memory that programs could get.", lambda n: n.memory - n.used),
        ("MemFree", "Memory that nothing uses.", lambda n: n.memory - n.used - cached(n)),
        ("Cached", "Memory that holds files.", lambda n: 0.93 * cached(n)),
        ("Buffers", "Memory that holds blocks of disks.", lambda n: 0.02 * cached(n)),
        ("Slab", "Memory of the kernel's own objects.", lambda n: 0.05 * cached(n)),
        ("SwapTotal", "Swap space; a node of Kubernetes has none.", lambda _: np.zeros(len(grid.times))),
        ("SwapFree", "Swap space that is free.", lambda _: np.zeros(len(grid.times))),
    )
    for name, told, of in parts:
        yield gauges(f"node_memory_{name}_bytes", told, ((_job(node), of(node)) for node in all_nodes))


def _facts(grid: Grid, all_nodes: list[Node]) -> Iterator[Family]:
    ones = np.ones(len(grid.times))
    start = grid.history.start - _UP_S
    yield gauges("node_time_seconds", "The clock.", ((_job(node), grid.times) for node in all_nodes))
    yield gauges("node_boot_time_seconds", "When a node started.", ((_job(node), start * ones) for node in all_nodes))
    uname = {"sysname": "Linux", "machine": "x86_64", "release": "6.1.102-111.182.amzn2023.x86_64"}
    rows = (({**_job(node), **uname, "nodename": node.name}, ones) for node in all_nodes)
    yield gauges("node_uname_info", "Kernel of a node.", rows)
    units = (
        ({**_job(node), "name": unit, "state": state, "type": "simple"}, (state == "active") * ones)
        for node in all_nodes
        for unit in _UNITS
        for state in ("active", "activating", "failed", "inactive")
    )
    yield gauges("node_systemd_unit_state", "Whether a unit of systemd is in a state.", units)
    works = (({**_job(node), "collector": c}, ones) for node in all_nodes for c in ("cpu", "filesystem", "netdev"))
    yield gauges("node_scrape_collector_success", "Whether a collector of the exporter worked.", works)
