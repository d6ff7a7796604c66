"""Resolve host names in separate threads, because `getaddrinfo` has no deadline.

If a lookup takes longer than HANDOVER_SECONDS, a new thread takes the place of its thread for other
lookups. The old thread goes on with its lookup, whose callers wait for the result, and then ends.
Callers that need the same name at the same time share a lookup. So a name whose server never
answers occupies a single thread, and many such names do not delay other names.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable

from crawljobs.runtime import exception_text, logs
from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.outbound_errors import NameNotResolved

log = logs.get_logger(__name__)

LOOKUP_SECONDS = 3.0
HANDOVER_SECONDS = 0.2
WAKE_SECONDS = 0.1  # while a caller waits, it searches for slow lookups at this interval
THREADS = 4  # limit of the lookups at the same time
ABANDONED_MAX = 64  # limit of the threads whose lookup was abandoned and still runs
ADDRESSES_MAX = 64  # a name with more addresses is refused

Lookup = Callable[[str], list[Address]]


def system_lookup(host: str) -> list[Address]:
    """Return all addresses of the name, IPv4 and IPv6, as the system resolves it."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]


class _Running:
    """A lookup that waits or runs. `started_at` is its start, by the monotonic clock."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.callers = 0
        self.done = threading.Event()
        self.thread: threading.Thread | None = None
        self.started_at = 0.0
        self.answer: list[Address] = []
        self.problem = "the name has no address"


class Resolver:
    """Resolves names with a deadline. Thread-safe. Threads start with the first lookup."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        self._waiting: queue.SimpleQueue[_Running] = queue.SimpleQueue()
        self._threads: set[threading.Thread] = set()
        self._abandoned: set[threading.Thread] = set()

    def addresses(self, host: str, *, seconds: float = LOOKUP_SECONDS) -> tuple[Address, ...]:
        """Return the addresses of the name without duplicates.

        Raises NameNotResolved if the lookup fails, finds no address or more than ADDRESSES_MAX, or
        takes longer than `seconds` or LOOKUP_SECONDS.
        """
        deadline = time.monotonic() + min(seconds, LOOKUP_SECONDS)
        with self._lock:
            running = self._running.get(host) or self._begin(host)
            running.callers += 1
        try:
            while not running.done.wait(max(0.0, min(WAKE_SECONDS, deadline - time.monotonic()))):
                if time.monotonic() >= deadline:
                    raise NameNotResolved(f"the name was not resolved within {LOOKUP_SECONDS:g} s")
                self._abandon_slow_ones()
        finally:
            with self._lock:
                running.callers -= 1
        if not running.answer:
            raise NameNotResolved(running.problem)
        if len(running.answer) > ADDRESSES_MAX:
            raise NameNotResolved(f"the name has more than {ADDRESSES_MAX} addresses")
        return tuple(dict.fromkeys(running.answer))

    def _begin(self, host: str) -> _Running:
        self._start_thread()
        if not self._threads:
            raise NameNotResolved("the name was not resolved: this process has no thread")
        running = self._running[host] = _Running(host)
        self._waiting.put(running)
        return running

    def _start_thread(self) -> None:
        """Start a thread if fewer than THREADS run. Log a warning if no thread can start."""
        if len(self._threads) < THREADS:
            thread = threading.Thread(target=self._work, name="resolver", daemon=True)
            self._threads.add(thread)
            try:
                thread.start()
            except RuntimeError:
                self._threads.discard(thread)
                log.warning("resolver.thread_not_started", threads=len(self._threads))

    def _abandon_slow_ones(self) -> None:
        """Replace the threads whose lookups take longer than HANDOVER_SECONDS."""
        latest = time.monotonic() - HANDOVER_SECONDS
        with self._lock:
            for running in self._running.values():
                if (
                    running.thread in self._threads
                    and running.started_at <= latest
                    and len(self._abandoned) < ABANDONED_MAX
                ):
                    self._threads.discard(running.thread)
                    self._abandoned.add(running.thread)
                    self._start_thread()

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            running = self._waiting.get()
            with self._lock:
                if not running.callers:  # all callers have given up
                    del self._running[running.host]
                    continue
                running.thread, running.started_at = me, time.monotonic()
            try:
                running.answer = self._lookup(running.host)
            except Exception as error:  # noqa: BLE001 # else the name would never be looked up again
                running.problem = f"the name was not resolved: {exception_text.text_of(error)}"
            with self._lock:
                del self._running[running.host]
                running.done.set()
                if me in self._abandoned:
                    self._abandoned.discard(me)
                    return
