"""Many clients that request readiness at once. Their process does not delay the test's probes."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit


def answer(url: str, path: str) -> tuple[int, float]:
    """Request the path over a new connection. Return the reply's status and the seconds it took."""
    parts = urlsplit(url)
    began = time.monotonic()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status, time.monotonic() - began
    finally:
        connection.close()


def ask(url: str, clients: int, seconds: float) -> list[tuple[int, float]]:
    """Let the clients request /readyz again and again for some seconds. Return all answers."""
    ends = time.monotonic() + seconds

    def client(_number: int) -> list[tuple[int, float]]:
        answers = []
        while time.monotonic() < ends:
            answers.append(answer(url, "/readyz"))
        return answers

    with ThreadPoolExecutor(clients) as pool:
        return [one for answers in pool.map(client, range(clients)) for one in answers]
