"""Counts failed logins by client address. A client with too many failures must wait."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network

from admin_api.http.client_address import Address

FAILURES_ALLOWED = 10  # the number of wrong tokens that one client may send within WINDOW_SECONDS
WINDOW_SECONDS = 60.0
# Limit of clients whose failures are counted. A further client replaces the client that was least
# recently seen.
CLIENTS_MAX = 10_000

# IPv6 addresses that begin with the same 64 bits are treated as one client, because a client often
# owns all these addresses.
IPV6_PREFIX = 64


class FailedLogins:
    """Counts the failed logins in one process. The limit never refuses a valid token."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def record_failure(self, client: Address | None) -> float:
        """Count a wrong token. Return how many seconds the client must wait, or 0."""
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
