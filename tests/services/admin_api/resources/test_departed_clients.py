"""An export ends when its client closes the connection, even if no line could be sent."""

import socket
from typing import Any

import flask.testing
import pytest

from admin_api.http.exports import departed_client, export_reader
from crawljobs.db.database import Database
from crawljobs.repository.exports import export_chunks
from support import crawled

EXPORT = "/api/export"
POSTS = 5


@pytest.mark.parametrize("is_gone", [True, False])
@pytest.mark.parametrize(
    "path",
    ["posts?updated_since=2000-01-01T00:00:00Z&until=2000-01-02T00:00:00Z", "posts?rate=100"],
)
def test_no_further_chunk_is_read_for_a_client_that_has_left(
    client: flask.testing.FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch,
    path: str, is_gone: bool,
) -> None:  # fmt: skip
    with database.begin() as conn:
        crawled.store(conn, *(crawled.post(f"p{n}") for n in range(POSTS)))
    for name in ("CHUNK_ROWS", "SMALL_CHUNK_ROWS"):
        monkeypatch.setattr(export_reader, name, 1)
    ours, theirs = socket.socketpair()
    read_chunk, reads = export_chunks.read_chunk, []

    def read(*given: Any, **options: Any) -> export_chunks.Chunk:
        reads.append(options["after"])
        if len(reads) == 2 and is_gone:
            theirs.close()
        return read_chunk(*given, **options)

    monkeypatch.setattr(export_chunks, "read_chunk", read)
    with ours, theirs:
        given = {"gunicorn.socket": ours}
        if is_gone:
            with pytest.raises(BrokenPipeError, match="the client has left"):
                client.get(f"{EXPORT}/{path}", environ_overrides=given)
            assert len(reads) == 2
        else:
            answer = client.get(f"{EXPORT}/{path}", environ_overrides=given)
            assert answer.status_code == 200
            assert len(reads) == POSTS + 1


def test_a_connection_is_open_until_the_client_closes_its_side() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not departed_client.has_left(ours)
        theirs.sendall(b"GET /next HTTP/1.1")  # a pipelined request is no end
        assert not departed_client.has_left(ours)
        theirs.close()
        assert departed_client.has_left(ours)
    assert departed_client.has_left(ours)
    assert not departed_client.has_left(None)
