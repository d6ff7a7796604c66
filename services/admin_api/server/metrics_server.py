"""gunicorn's master serves the metrics and probes of its workers on a separate address.

The API's port does not serve metrics, because the port may be public.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from admin_api import NAME
from admin_api.server import probe_socket
from crawljobs.runtime.probes import exposition
from crawljobs.runtime.probes.probe_server import ProbeServer, check
from crawljobs.settings import ProbeAddress

_running: list[ProbeServer] = []


class _Collector(MultiProcessCollector):
    """Merges the metrics of all processes, and skips empty files.

    A process leaves an empty file if it is killed before its first write.
    """

    def __init__(self, registry: CollectorRegistry, folder: Path) -> None:
        super().__init__(registry, path=str(folder))  # type: ignore[no-untyped-call]
        self._folder = folder

    def collect(self) -> Any:
        files = [str(file) for file in self._folder.glob("*.db") if _has_content(file)]
        return self.merge(files, accumulate=True)  # type: ignore[no-untyped-call]


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # another process has just deleted the file
        return False


def start(address: ProbeAddress, folder: Path, probes: Path | None) -> None:
    """Start the metrics server in the master. `probes` is the path of the workers' probe socket.

    If `probes` is None, /healthz only reports that the master is alive, and /readyz is missing.
    """
    registry = CollectorRegistry()
    _Collector(registry, folder)
    registry.register(exposition.BuildInfo(NAME))
    pages = {"/metrics": exposition.page(registry), "/healthz": check(lambda: None)}
    if probes is not None:
        pages |= {path: probe_socket.page(probes, path) for path in ("/healthz", "/readyz")}
    server = ProbeServer(address, pages)
    server.start()
    _running.append(server)


def forget() -> None:
    """Close the metrics socket that a worker inherits from the master.

    Otherwise the socket would stay open after the end of the master.
    """
    for server in _running:
        server.abandon()
    _running.clear()
