"""What a thread of the worker does with a whole request before the application gets it."""

import contextvars
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from admin_api.http.request import request_deadline
from admin_api.server.arriving_request import State
from admin_api.server.http_rules import Refused
from support.loop_worker import GET, loop

BODY = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"


class Request:
    """A request as gunicorn's parser returns it."""

    def __init__(self, version: tuple[int, int] = (1, 1)) -> None:
        self.version = version
        self.headers = [("HOST", "x")]
        self._expected_100_continue = True
        self.is_last = False

    def force_close(self) -> None:
        self.is_last = True


@pytest.mark.parametrize(
    ("sent", "state", "is_last"),
    [(GET, None, False), (BODY, State.LATE, True), (BODY, State.BROKEN_OFF, True)],
)
def test_a_request_has_the_time_of_its_arrival(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, state: State | None, is_last: bool
) -> None:
    """After a request whose end is unknown, the connection closes."""
    seen: list[Any] = []

    def handle(_worker: object, req: Request, _conn: object) -> bool:
        seen.append((request_deadline.arrived_at.get(), req._expected_100_continue, req.is_last))
        return True

    monkeypatch.setattr(ThreadWorker, "handle_request", handle)
    with loop(worker_connections=10, threads=2) as running:
        running.connect(sent)
        (conn,) = running.asked or running.worker._arriving._connections
        if state is not None:
            conn.arriving.stop(state)
            running.worker._serve(conn)
        contextvars.copy_context().run(running.worker.handle_request, Request(), conn)
        assert conn.arrived_at > 0
        assert seen == [(conn.arrived_at, False, is_last)]
        with pytest.raises(Refused):
            running.worker.handle_request(Request((2, 0)), conn)
        assert len(seen) == 1
