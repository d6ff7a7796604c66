"""A thread waits a limited time for a client that reads nothing. Exports have a longer limit."""

import socket
from collections.abc import Iterator

import flask
import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]

from admin_api.server.connection import Connection
from admin_api.server.worker import Worker
from support.admin_api import with_token

LEFT_BEHIND_SECONDS = 99.0  # the timeout that an earlier request of the connection left


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(LEFT_BEHIND_SECONDS)
        yield ours, theirs


def test_each_request_of_a_connection_begins_with_the_usual_time(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    connection = Connection(Config(), pair[0], ("192.0.2.1", 1), ("192.0.2.2", 2))
    connection.init()
    assert pair[0].gettimeout() == 5


def test_a_response_of_many_bytes_needs_no_reader(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """The kernel takes it, so that no thread waits for a slow client."""
    ours, _theirs = pair
    ours.setblocking(False)
    usual = ours.send(b"x" * 1_000_000)
    other, _reader = socket.socketpair()
    with other, _reader:
        Connection(Config(), other, ("192.0.2.1", 1), ("192.0.2.2", 2))
        assert other.send(b"x" * 1_000_000) > 1.5 * usual


def test_the_answer_to_what_cannot_be_read_has_the_usual_time_too(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    Worker.handle_error(None, None, ours, ("192.0.2.1", 1), ValueError("no request"))
    assert ours.gettimeout() == 5
    assert theirs.recv(4_096).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(("path", "seconds"), [("/export", 30), ("", LEFT_BEHIND_SECONDS)])
def test_a_piece_of_an_export_has_more_time(
    app: flask.Flask, pair: tuple[socket.socket, socket.socket], path: str, seconds: float
) -> None:
    answer = with_token(app).get(
        f"/api/admin/audit-log{path}", environ_overrides={"gunicorn.socket": pair[0]}
    )
    assert answer.status_code == 200
    assert pair[0].gettimeout() == seconds
