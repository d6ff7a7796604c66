"""A proxy before the sandbox. A test decides for each request and reply if it is forwarded."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import httpx

from support import scripted_server
from support.plain_http import NO_CERTIFICATES
from support.scripted_server import Exchange

HOP_HEADERS = frozenset({"transfer-encoding", "connection", "content-length", "server", "date"})
# Returns whether to forward a request or a reply. The argument is the number of the API request,
# from 1.
Decide = Callable[[int], bool]


def go_on(_number: int) -> bool:
    return True


class GatedReddit:
    def __init__(self, sandbox_url: str) -> None:
        self._http = httpx.Client(base_url=sandbox_url, timeout=30, verify=NO_CERTIFICATES)
        self._lock = threading.Lock()
        self.forwarded = 0
        self.on_request: Decide = go_on
        self.on_reply: Decide = go_on

    def __call__(self, it: Exchange) -> None:
        is_token = it.path.startswith("/api/v1/access_token")
        with self._lock:
            number = self.forwarded + 1
            if not is_token:
                if not self.on_request(number):
                    it.close_connection = True
                    return
                self.forwarded = number
            reply = self._http.request(
                it.command, it.path, content=it.body, headers=dict(it.headers)
            )
        if is_token or self.on_reply(number):
            headers = {k: v for k, v in reply.headers.items() if k.lower() not in HOP_HEADERS}
            headers.pop("content-encoding", None)
            it.send(reply.status_code, reply.content, **headers)
        else:
            it.close_connection = True

    def close(self) -> None:
        self._http.close()


@contextlib.contextmanager
def serve(sandbox_url: str) -> Iterator[tuple[GatedReddit, str]]:
    gated = GatedReddit(sandbox_url)
    try:
        with scripted_server.serve(gated) as url:
            yield gated, url
    finally:
        gated.close()
