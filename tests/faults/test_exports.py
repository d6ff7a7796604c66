"""Exports of content from a real gunicorn: faults break the response, and no client waits long."""

import gzip
import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from support import admin_api, private_postgres
from support.admin_api import Gunicorn
from support.free_ports import free_port
from support.private_postgres import PrivatePostgres
from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
ROWS = 12_000
EXPORT = "/api/export/posts"
FILL = """
    INSERT INTO subreddits (name) VALUES ('python');
    INSERT INTO authors (name) VALUES ('ada');
    INSERT INTO posts (id, subreddit_id, author_id, title, body, created_at)
    SELECT 'p' || n, 1, 1, 'A title', md5(n::text) || repeat('b', 200),
        timestamptz '2031-01-01' + (n / 3) * interval '1 s'
    FROM generate_series(1, %(rows)s) AS n;
    ANALYZE posts
"""


@pytest.fixture(scope="module")
def postgres(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[PrivatePostgres]:
    folder = tmp_path_factory.mktemp("postgres")
    choice = pytestconfig.option.postgres
    with private_postgres.serve(folder, choice, max_connections=30) as running:
        yield running


@pytest.fixture(scope="module")
def filled_url(postgres: PrivatePostgres) -> Iterator[str]:
    with postgres.databases.clone() as url:
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as conn:
            conn.execute(FILL, {"rows": ROWS})
        yield url


@pytest.fixture(scope="module")
def exporting(filled_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    folder = tmp_path_factory.mktemp("gunicorn")
    server = admin_api.start_gunicorn(folder, filled_url, ADMIN_API_WORKERS="1")
    yield server
    server.stop()


def complete_lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


def expected_ids() -> list[str]:
    return [f"p{n}" for n in sorted(range(1, ROWS + 1), key=lambda n: (n // 3, f"p{n}"))]


def read(server: Gunicorn, on_bytes: Any = None, **query: Any) -> tuple[bytes, bool]:
    """Return the bytes of an export as they were sent, and whether the response ended properly.

    `on_bytes` is called after each received part with the number of bytes so far.
    """
    content = bytearray()
    headers = {"Accept-Encoding": query.pop("encoding", "identity")}
    with (
        server.client(timeout=60) as client,
        client.stream("GET", EXPORT, params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        try:
            for part in answer.iter_raw():
                content += part
                if on_bytes is not None:
                    on_bytes(len(content))
        except httpx.RemoteProtocolError:
            return bytes(content), False
    return bytes(content), True


def test_an_export_of_many_chunks_has_each_line_once(exporting: Gunicorn) -> None:
    content, is_complete = read(exporting)
    assert is_complete
    assert [line["id"] for line in complete_lines(content)] == expected_ids()
    compressed, is_complete = read(exporting, encoding="gzip")
    assert is_complete
    assert len(compressed) < len(content) / 2
    assert gzip.decompress(compressed) == content


@pytest.mark.parametrize("encoding", [pytest.param("identity", marks=pytest.mark.deep), "gzip"])
def test_a_killed_database_breaks_the_response_and_the_export_continues(
    postgres: PrivatePostgres, exporting: Gunicorn, encoding: str
) -> None:
    killed: list[int] = []

    def kill(received: int) -> None:
        if received > 1_000 and not killed:
            postgres.kill()
            killed.append(received)

    content, is_complete = read(exporting, kill, encoding=encoding, rate=2_000)
    postgres.start_again()
    assert killed
    assert not is_complete
    if encoding == "gzip":
        unpacker = zlib.decompressobj(31)
        content = unpacker.decompress(content)
        assert not unpacker.eof
    first = complete_lines(content)
    assert 0 < len(first) < ROWS
    last = first[-1]
    with exporting.client() as client:
        wait_until(
            lambda: client.get("/readyz").status_code == 200,
            timeout=20,
            describe="the API to be ready again",
        )
    rest, is_complete = read(exporting, after=f"python,{last['created_at']},{last['id']}")
    assert is_complete
    assert [line["id"] for line in [*first, *complete_lines(rest)]] == expected_ids()
    log = exporting.log_lines()
    broken, ended = [line["outcome"] for line in log if line["action"] == "export.ended"][-2:]
    assert "connection" in broken or "server" in broken
    assert ended == "complete"
    assert not any("exception" in line for line in log)


def test_a_client_that_leaves_frees_its_place(exporting: Gunicorn) -> None:
    headers = {"Accept-Encoding": "identity"}

    def begin(client: httpx.Client) -> httpx.Response:
        request = client.build_request("GET", EXPORT, params={"rate": 2_000}, headers=headers)
        return client.send(request, stream=True)

    def has_begun(client: httpx.Client) -> bool:
        answer = begin(client)
        if answer.status_code == 429:
            answer.close()
        return answer.status_code == 200

    with exporting.client() as client, exporting.client() as other:
        made = client.post("/api/admin/tokens", json={"name": "other", "scopes": ["content"]})
        other.headers["Authorization"] = f"Bearer {made.json()['token']}"
        taken = [begin(client), begin(other)]
        assert [answer.status_code for answer in taken] == [200, 200]
        assert not has_begun(client)
        for answer in taken:
            answer.close()
        for each in (client, other):
            wait_until(lambda each=each: has_begun(each), timeout=20, describe="a free place")


def test_kills_of_crawlctl_and_of_the_server_lose_and_repeat_nothing(
    filled_url: str, tmp_path: Path
) -> None:
    """The server is killed as a whole, and a new one starts at its address."""
    bind = {"ADMIN_API_BIND": f"127.0.0.1:{free_port()}", "ADMIN_API_WORKERS": "1"}
    out, part = tmp_path / "posts", tmp_path / "posts.part"

    def crawlctl(*more: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-P", "-m", "crawlctl", "--url", server.url]
        command += ["--retry-seconds", "60", "export", "posts", "--rate", "5000", "--out", str(out)]
        return subprocess.Popen([*command, *more], env=environment)

    def reached(lines: int) -> None:
        wait_until(
            lambda: part.exists() and part.read_bytes().count(b"\n") > lines,
            timeout=30,
            describe="lines in the file",
        )

    token = tmp_path / "token"
    token.write_text(f"{admin_api.TOKEN}\n")
    environment = {"PYTHONPATH": str(ROOT / "deploy"), "CRAWLJOBS_TOKEN_FILE": str(token),
                   "XDG_CONFIG_HOME": str(tmp_path)}  # fmt: skip
    server = admin_api.start_gunicorn(tmp_path, filled_url, **bind)
    try:
        first = crawlctl()
        reached(400)  # a first chunk is sent at once, the next ones after 2 s
        first.kill()
        first.wait(20)
        second = crawlctl("--resume")
        reached(900)
        for pid in (server.process.pid, *server.worker_pids()):
            os.kill(pid, signal.SIGKILL)
        server.process.wait(20)
        assert not out.exists()
        again = tmp_path / "again"
        again.mkdir()
        server = admin_api.start_gunicorn(again, filled_url, **bind)
        assert second.wait(60) == 0
    finally:
        server.stop()
    assert [line["id"] for line in complete_lines(out.read_bytes())] == expected_ids()


@pytest.mark.deep
def test_a_stopping_process_breaks_its_exports_at_once(filled_url: str, tmp_path: Path) -> None:
    """The client continues with another process. It need not wait for the drain."""
    server = admin_api.start_gunicorn(tmp_path, filled_url, ADMIN_API_WORKERS="1")
    content, is_complete = read(server, lambda _: server.process.terminate(), rate=2_000)
    assert not is_complete
    assert len(complete_lines(content)) < ROWS
    assert server.process.wait(10) == 0
