"""gunicorn's master shows the counters and probes of its workers on an address of their own.

Never the counters on the API's port, which the world may reach.
"""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from admin_api import NAME
from admin_api.server import probe_socket
from crawljobs.runtime import exposition
from crawljobs.runtime.probe_server import ProbeServer, check
from crawljobs.settings import ProbeAddress

_running: list[ProbeServer] = []


def start(address: ProbeAddress, folder: Path, probes: Path | None) -> None:
    """In the master. `probes` is the socket for the workers' probes; without one, /healthz says
    that the master lives."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    registry.register(exposition.BuildInfo(NAME))
    pages = {"/metrics": exposition.page(registry), "/healthz": check(lambda: None)}
    if probes is not None:
        pages |= {asked: probe_socket.page(probes, asked) for asked in ("/healthz", "/readyz")}
    server = ProbeServer(address, pages)
    server.start()
    _running.append(server)


def forget() -> None:
    """In a worker: the socket is the master's, and must not stay open when that ends."""
    for server in _running:
        server.abandon()
    _running.clear()
