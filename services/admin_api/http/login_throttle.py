"""Counts failed logins per client address; a client with too many has to wait."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network

from admin_api.http.client_address import Address

FAILURES_ALLOWED = 10  # wrong tokens in one window
WINDOW_SECONDS = 60.0
CLIENTS_MAX = 10_000  # in memory; beyond it the least recently seen client is dropped
IPV6_PREFIX = 64  # bits; a client may own all addresses with the same prefix


class FailedLogins:
    """The failed logins of one process. A valid token is always accepted, after any failures."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def record_failure(self, client: Address | None) -> float:
        """Count a wrong token; returns the seconds that the client has to wait, or 0."""
        now, key = self._clock(), _key(client)
        with self._lock:
            began, failures = self._windows.pop(key, (now, 0))
            if now - began >= WINDOW_SECONDS:
                began, failures = now, 0
            self._windows[key] = (began, failures + 1)
            if len(self._windows) > CLIENTS_MAX:
                self._windows.popitem(last=False)
        return began + WINDOW_SECONDS - now if failures >= FAILURES_ALLOWED else 0.0


def _key(client: Address | None) -> str:
    if isinstance(client, IPv6Address):
        return str(ip_network((client, IPV6_PREFIX), strict=False))
    return str(client)
