"""Attackers that open connections as fast as they can and keep some of them open.

`python -m support.connection_flood HOST:PORT SECONDS ATTACKERS` starts a thread for each attacker.
At the end, it prints the numbers of opened and failed connections as JSON.
"""

import collections
import contextlib
import itertools
import json
import socket
import sys
import threading
import time
from collections.abc import Callable

KEPT = 40  # open connections of one attacker
CONNECT_SECONDS = 5.0
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
# The bytes that an attacker sends on each connection. Each attacker sends one of these.
STARTED = {
    "nothing": b"",
    "a byte": b"G",
    "half a head": HEAD,
    "half a body": b"POST /api/crawl HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    "a question for readiness": b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
    "garbage": b"\n\n",
}


def attack(
    address: tuple[str, int],
    started: bytes,
    goes_on: Callable[[], bool],
    counted: "collections.Counter[str]",
) -> None:
    kept: collections.deque[socket.socket] = collections.deque()
    try:
        while goes_on():
            try:
                client = socket.create_connection(address, timeout=CONNECT_SECONDS)
            except OSError:
                counted["failed"] += 1
                continue
            kept.append(client)
            counted["opened"] += 1
            with contextlib.suppress(OSError):
                client.sendall(started)
            if len(kept) > KEPT:
                kept.popleft().close()
    finally:
        for client in kept:
            client.close()


def run(address: tuple[str, int], seconds: float, attackers: int) -> dict[str, int]:
    until = time.monotonic() + seconds
    counts: list[collections.Counter[str]] = [collections.Counter() for _ in range(attackers)]
    kinds = itertools.cycle(STARTED.values())
    threads = [
        threading.Thread(
            target=attack,
            args=(address, next(kinds), lambda: time.monotonic() < until, counted),
        )
        for counted in counts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(sum(counts, collections.Counter({"opened": 0, "failed": 0})))


if __name__ == "__main__":
    where, for_seconds, number = sys.argv[1:]
    host, _, port = where.partition(":")
    json.dump(run((host, int(port)), float(for_seconds), int(number)), sys.stdout)
