"""gunicorn's master shows the counters of all its workers on an address of their own.

Never on the API's port, which the world may reach.
"""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from admin_api import NAME
from crawljobs import exposition
from crawljobs.probe_server import ProbeServer, check
from crawljobs.settings import ProbeAddress

_running: list[ProbeServer] = []


def start(address: ProbeAddress, folder: Path) -> None:
    """In the master. /healthz tells that it lives; the API's own port tells of its workers."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    registry.register(exposition.BuildInfo(NAME))
    pages = {"/metrics": exposition.page(registry), "/healthz": check(lambda: None)}
    server = ProbeServer(address, pages)
    server.start()
    _running.append(server)


def forget() -> None:
    """In a worker: the socket is the master's, and must not stay open when that ends."""
    for server in _running:
        server.abandon()
    _running.clear()
