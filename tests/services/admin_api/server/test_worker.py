"""A real gunicorn server answers real HTTP requests."""

import contextlib
import json
import socket
from pathlib import Path

import httpx
import psycopg
import pytest

from admin_api.http.request.request_body import MANY
from support.admin_api import PROBLEM, TOKEN, Gunicorn, start_gunicorn
from support.waiting import wait_until

JOBS = "/api/admin/jobs"
GET = "GET / HTTP/1.1\r\nHost: x\r\n"


def test_a_job_goes_in_and_comes_out(server: Gunicorn) -> None:
    with server.client() as client:
        created = client.post(JOBS, json={"subreddit": "python"}, headers={"X-Request-Id": "r-1"})
        assert created.status_code == 201
        assert created.headers["X-Request-Id"] == "r-1"
        shown = client.get(created.headers["Location"])
        assert shown.json()["subreddit"] == "python"
        assert client.get(JOBS).json()["items"][0]["id"] == shown.json()["id"]
        assert client.get(f"{JOBS}/stats").json()["by_status"]["queued"] == 1
        assert client.get("/readyz").json() == {"status": "ready"}


def test_it_speaks_problem_json_to_strangers(server: Gunicorn) -> None:
    response = httpx.get(f"{server.url}{JOBS}")
    assert response.status_code == 401
    assert response.headers["Content-Type"] == PROBLEM
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("chunked", [False, True])
def test_two_megabytes_are_refused(server: Gunicorn, chunked: bool) -> None:
    body = b"x" * (2 * MANY.bytes)
    content = iter([body[: MANY.bytes], body[MANY.bytes :]]) if chunked else body
    with server.client() as client:
        headers = {"Content-Type": "application/json"}
        response = client.post(JOBS, content=content, headers=headers)
        assert response.status_code == 413, response.text
        assert response.json()["code"] == "body_too_large"
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(("size", "is_kept"), [(100, True), (2 * MANY.bytes, False)])
def test_a_connection_is_promised_only_when_the_next_request_will_be_read(
    server: Gunicorn, size: int, is_kept: bool
) -> None:
    with httpx.Client(base_url=server.url, timeout=10) as stranger:
        for _ in range(3):
            refused = stranger.post(JOBS, content=b"x" * size)
            assert refused.status_code in (401, 413)
            assert (refused.headers["Connection"] == "keep-alive") is is_kept
            assert stranger.get("/healthz").status_code == 200


def test_a_body_announced_as_endless_is_refused_before_it_is_sent(server: Gunicorn) -> None:
    request = (
        f"POST {JOBS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\nContent-Length: 99999999999999\r\n\r\n"
    )
    assert b" 413 " in raw(server, request.encode())


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + "a" * 20_000 + "\r\n\r\n", 431),
        (GET + "X: y\r\n" * 200 + "\r\n", 431),
        (GET + "X: y\r\n" * 9_000 + "\r\n", 431),
        ("GET /" + "a" * 20_000 + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        ("GET /" + "a" * 90_000, 414),
        ("\x00\x01\x02\r\n\r\n", 400),
        (f"{TOKEN}\r\n\r\n", 400),
        (f"GET /{TOKEN} x y HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (f"GET / HTTP/9.{TOKEN}\r\n\r\n", 400),
        (f"{GET}Authorization Bearer {TOKEN}\r\n\r\n", 400),
        (f"{GET}Authorization: Bearer {TOKEN}\0\r\n\r\n", 400),
        (f"{GET}Expect: {TOKEN}\r\n\r\n", 417),
        (f"{GET}Content-Length : 3\r\n\r\nabc", 400),
        (f"{GET}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
        (f"{GET}Content-Length: 3, 3\r\n\r\nabc", 400),
        (f"{GET}Content-Length: +3\r\n\r\nabc", 400),
        (f"{GET}X: y\n\r\n", 400),
        # The server reads no Transfer-Encoding but `chunked`.
        (f"{GET}Transfer-Encoding: {TOKEN}\r\n\r\n", 501),
        (f"{GET}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (f"{GET}Transfer-Encoding: deflate,Chunked\r\n\r\n0\r\n\r\n", 501),
        (f"{GET}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 501),
        (f"{GET}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (f"{GET}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        (f"{GET}Transfer-Encoding: gzip\r\n\r\n", 400),
        (f"{GET}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        # A request must have exactly one valid Host header.
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /api/admin/jobs HTTP/1.1\r\nX-Host: x\r\n\r\n", 400),
        (f"{GET}Host: y\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: you@x\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: x:port\r\n\r\n", 400),
        # The server accepts only HTTP/1.0 and HTTP/1.1.
        ("GET /healthz HTTP/1.9\r\nHost: x\r\n\r\n", 505),
        ("GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        ("GET / HTTP/0.9\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: x\r\n\r\n", 400),
    ],
)
def test_what_is_not_http_is_answered_by_a_problem_that_repeats_nothing(
    server: Gunicorn, request_text: str, status: int
) -> None:
    head, _, body = raw(server, request_text.encode()).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
    assert f"Content-Type: {PROBLEM}".encode() in head
    assert json.loads(body)["status"] == status
    assert TOKEN.encode() not in head + body
    assert TOKEN not in server.log_text()
    assert httpx.get(f"{server.url}/healthz").status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: [::1]:8000\r\nX: y\r\n\r\n",
        "GET http://x/healthz HTTP/1.1\r\nHost: x:80\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
        (
            "\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            "Content-Length: 02\r\n\r\n{}"
        ),
    ],
)
def test_unusual_requests_are_answered(server: Gunicorn, head: str) -> None:
    assert raw(server, head.encode()).split(b" ")[1] == b"200"


@pytest.mark.parametrize(
    "body",
    ["zz\r\n", "5\r\nab", "2\r\nabXX", f"{TOKEN}\r\n", "1;" + "e" * 20_000 + "\r\n", ""],
)
def test_a_body_chunked_wrongly_is_400(server: Gunicorn, body: str) -> None:
    request = (
        f"POST {JOBS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
    )
    head, _, answer = raw(server, request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 "), head
    assert b"broken_body" in answer
    assert TOKEN not in server.log_text()


def test_a_body_that_breaks_off_is_400(server: Gunicorn) -> None:
    request = (
        f"POST {JOBS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        'Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"subreddit": "python"}'
    )
    answer = raw(server, request.encode())
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"broken_body" in answer


@pytest.mark.parametrize(
    "header",
    ["SCRIPT_NAME: /docs", "Script-Name: /docs", "X-Forwarded-Proto: https", "Host: evil\r\nX: y"],
)
def test_headers_of_a_proxy_change_nothing(server: Gunicorn, header: str) -> None:
    request = f"GET {JOBS} HTTP/1.1\r\n{header}\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(server, request.encode())
    assert answer.startswith((b"HTTP/1.1 401", b"HTTP/1.1 400")), answer
    assert b"evil" not in answer


def raw(server: Gunicorn, request: bytes) -> bytes:
    """Send these bytes, and return all that the server sends until it closes the connection."""
    host, port = server.url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        with contextlib.suppress(OSError):  # the server may have closed the connection already
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    return answer


def test_every_log_line_is_json_and_none_holds_the_token(server: Gunicorn) -> None:
    with server.client() as client:
        client.get(JOBS, headers={"X-Request-Id": "seen-in-the-log"})
        httpx.get(f"{server.url}{JOBS}", headers={"Authorization": f"Bearer {TOKEN}x"})
        httpx.get(f"{server.url}{JOBS}?token={TOKEN}")
    wait_until(
        lambda: [
            line for line in server.log_lines() if line.get("request_id") == "seen-in-the-log"
        ],
        timeout=5,
        describe=server.log_text,
    )
    assert TOKEN not in server.log_text()
    lines = server.log_lines()
    assert {line["service"] for line in lines} == {"admin-api"}
    assert "auth.refused" in {line["action"] for line in lines}


def test_a_bug_is_logged_without_any_secret(tmp_path: Path, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE admin_audit_log ADD CONSTRAINT broken CHECK (id < 0)")
    server = start_gunicorn(tmp_path, database_url)
    try:
        with server.client() as client:
            response = client.post(JOBS, json={"subreddit": "python"})
            assert response.status_code == 500
            request_id = response.json()["request_id"]
            assert "broken" not in response.text
        bugs = [line for line in server.log_lines() if line["action"] == "http.request_failed"]
        assert [bug["request_id"] for bug in bugs] == [request_id]
        assert bugs[0]["exception"]
        assert TOKEN not in server.log_text()
        assert database_url not in server.log_text()
    finally:
        server.stop()


def test_no_escape_of_a_request_reaches_a_terminal(tmp_path: Path, database_url: str) -> None:
    """The console log and stored values contain no escape sequences of requests."""
    hostile = "%1b%5b2J%1b%5d0;x%07%c2%9b31m%e2%80%aeforged%0d%0aline"
    server = start_gunicorn(tmp_path, database_url, LOG_FORMAT="console", ADMIN_API_WORKERS="1")
    try:
        with server.client() as client:
            assert client.get(f"/{hostile}").status_code == 404
            assert client.get(f"{JOBS}/{hostile}").status_code == 404
            assert client.post(f"{JOBS}?x={hostile}", json={}).status_code in (400, 422)
            named = {"name": "a\x1b[2J", "subreddit": "python", "cron_expression": "@daily"}
            refused = client.post("/api/admin/scheduled-jobs", json=named)
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/name")
            paused = client.post("/api/admin/queue/pause", json={"reason": "x\u202ey\x07"})
            assert (paused.status_code, paused.json()["errors"][0]["pointer"]) == (422, "/reason")
        wait_until(
            lambda: server.log_text().count("http.request") >= 5,
            timeout=10,
            describe=server.log_text,
        )
        text = server.log_text()
    finally:
        server.stop()
    assert [hex(ord(one)) for one in text if not one.isprintable() and one != "\n"] == []
    assert "/[2J]0;x31mforged line" in text
