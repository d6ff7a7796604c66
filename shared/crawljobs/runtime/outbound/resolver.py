"""Resolve host names in separate threads, because `getaddrinfo` has no deadline.

A lookup that takes too long is abandoned: its thread ends when the lookup returns, and another
thread takes the place of this thread. Callers that need the same name at the same time share a
lookup. So a name whose server never answers occupies a single thread.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable

from crawljobs.runtime import exception_text, logs
from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.outbound_errors import NameNotResolved

log = logs.get_logger(__name__)

LOOKUP_SECONDS = 3.0
THREADS = 4  # limit of the lookups at the same time
ABANDONED_MAX = 64  # limit of the threads whose lookup was abandoned and still runs
ADDRESSES_MAX = 64  # limit for one name; a name with more addresses is refused

Lookup = Callable[[str], list[Address]]


def system_lookup(host: str) -> list[Address]:
    """Return all addresses of the name, IPv4 and IPv6, as the system resolves it."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]


class _Running:
    """A lookup that waits or runs. `thread` is the thread that runs it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.done = threading.Event()
        self.thread: threading.Thread | None = None
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
        """Return the addresses of the name, each once.

        Raises NameNotResolved if the lookup fails, finds no address or more than ADDRESSES_MAX, or
        takes longer than `seconds` or LOOKUP_SECONDS.
        """
        with self._lock:
            running = self._running.get(host)
            if running is None:
                self._start_thread()
                if not self._threads:
                    raise NameNotResolved("the name was not resolved: this process has no thread")
                running = self._running[host] = _Running(host)
                self._waiting.put(running)
        if not running.done.wait(min(seconds, LOOKUP_SECONDS)):
            self._abandon(running)
            raise NameNotResolved(f"the name was not resolved within {LOOKUP_SECONDS:g} s")
        if not running.answer:
            raise NameNotResolved(running.problem)
        if len(running.answer) > ADDRESSES_MAX:
            raise NameNotResolved(f"the name has more than {ADDRESSES_MAX} addresses")
        return tuple(dict.fromkeys(running.answer))

    def _start_thread(self) -> None:
        """Start a thread unless there are THREADS, or the system has no further thread."""
        if len(self._threads) < THREADS:
            thread = threading.Thread(target=self._work, name="resolver", daemon=True)
            self._threads.add(thread)
            try:
                thread.start()
            except RuntimeError:
                self._threads.discard(thread)
                log.warning("resolver.thread_not_started", threads=len(self._threads))

    def _abandon(self, running: _Running) -> None:
        with self._lock:
            if running.thread not in self._threads or len(self._abandoned) >= ABANDONED_MAX:
                return
            self._threads.discard(running.thread)
            self._abandoned.add(running.thread)
            self._start_thread()

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            running = self._waiting.get()
            running.thread = me
            try:
                running.answer = self._lookup(running.host)
            except (OSError, ValueError) as error:  # ValueError includes UnicodeError
                running.problem = f"the name was not resolved: {exception_text.text_of(error)}"
            with self._lock:
                del self._running[running.host]
                running.done.set()
                if me in self._abandoned:
                    self._abandoned.discard(me)
                    return
