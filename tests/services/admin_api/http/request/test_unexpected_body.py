"""Every route that declares no body refuses one, and changes nothing."""

import gzip
import io
from collections.abc import Iterator
from typing import Any

import flask.testing
import httpx
import pytest

from admin_api.http.request import unexpected_body
from crawljobs.db.database import Database
from support import jobs, webhooks
from support.admin_api import Gunicorn, example_path, openapi_document
from support.stored_rows import row_hashes

Client = flask.testing.FlaskClient
ADMIN = "/api/admin"
JSON = "application/json"
AUDIT = {"admin_audit_log"}  # records refusals
DRY_RUN = b'{"dry_run": true}'
# Each body, with its content type and content coding.
REFUSED: list[tuple[bytes, str | None, str | None]] = [
    (DRY_RUN, JSON, None),
    (b'{"dry_run": true', JSON, None),
    (b"[]", JSON, None),
    (b"null", JSON, None),
    (b" ", JSON, None),
    (b"\xff", JSON, None),
    (gzip.compress(DRY_RUN), JSON, "gzip"),
    (DRY_RUN, "text/plain", None),
    (b"dry_run=true", "application/x-www-form-urlencoded", None),
    (b"{}", None, None),
]
ACCEPTED: list[tuple[bytes, str | None, str | None]] = [
    (b"", None, None),
    (b"", "application/x-www-form-urlencoded", None),
    (b"", JSON, None),
    (b"{}", JSON, None),
    (b" {\r\n\t} ", f"{JSON}; charset=utf-8", "identity"),
]


def routes_without_body(app: flask.Flask) -> Iterator[tuple[str, str]]:
    """Yield the method and the path of each route whose OpenAPI operation has no body."""
    paths = openapi_document(app)["paths"]
    for rule in app.url_map.iter_rules():
        path = str(rule).replace("<path:filename>", "docs.js")
        documented = path
        for name in rule.arguments:
            for kind in ("id", "subreddit", "token", "key"):
                documented = documented.replace(f"<{kind}:{name}>", f"{{{name}}}")
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            if "requestBody" not in paths.get(documented, {}).get(method.lower(), {}):
                yield method, example_path(path)


def send(
    client: Client,
    route: tuple[str, str],
    body: tuple[bytes, str | None, str | None],
    *,
    chunked: bool,
) -> Any:
    content, kind, coding = body
    headers = {"Content-Type": kind, "Content-Encoding": coding}
    given = {name: value for name, value in headers.items() if value is not None}
    if not chunked:
        return client.open(route[1], method=route[0], data=content, headers=given)
    return client.open(
        route[1],
        method=route[0],
        input_stream=io.BytesIO(content),
        headers={**given, "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


def seed(client: Client, database: Database) -> None:
    """Store a job, a schedule, a group with a held step, an endpoint and a token."""
    with database.begin() as conn:
        jobs.enqueue(conn)
    for path, body in (
        ("scheduled-jobs", {"name": "one", "subreddit": "python", "cron_expression": "@daily"}),
        ("groups", {"steps": [{"key": "k", "subreddit": "flask"}], "sealed": False}),
        ("webhooks", webhooks.ENDPOINT),
        ("queue/pause", {"reason": "x"}),
    ):
        assert client.post(f"{ADMIN}/{path}", json=body).status_code in (200, 201), path


def test_each_route_without_a_body_refuses_each_body_and_changes_nothing(
    client: Client, database: Database
) -> None:
    seed(client, database)
    before = row_hashes(database, apart_from=AUDIT)
    routes = [*routes_without_body(client.application)]
    assert ("POST", f"{ADMIN}/jobs/1/cancel") in routes
    assert ("DELETE", f"{ADMIN}/jobs/1") in routes
    assert ("POST", f"{ADMIN}/jobs") not in routes
    for route in routes:
        is_change = route[0] not in ("GET", "OPTIONS")
        for body in REFUSED if is_change else REFUSED[:1]:
            for chunked in (False, True):
                answer = send(client, route, body, chunked=chunked)
                problem = answer.get_json()
                assert (answer.status_code, problem["code"]) == (400, "unexpected_body"), route
                assert problem["detail"].startswith(f"{route[0]} takes no body at this path")
                assert "Send the request without a body" in problem["detail"]
                named = [] if body != REFUSED[0] else [("/dry_run", "Unknown field.")]
                assert [(each["pointer"], each["detail"]) for each in problem["errors"]] == named
        if is_change:
            too_large = send(client, route, (b" " * 65_537, JSON, None), chunked=True)
            assert too_large.status_code == 413, route
    assert row_hashes(database, apart_from=AUDIT) == before


def test_each_route_without_a_body_accepts_an_empty_one(offline: Client) -> None:
    app = offline.application
    for method, path in routes_without_body(app):
        for content, kind, coding in ACCEPTED:
            given = {"Content-Type": kind, "Content-Encoding": coding}
            headers = {name: value for name, value in given.items() if value is not None}
            whole: dict[str, Any] = {"data": content, "headers": headers}
            with app.test_request_context(path, method=method, **whole):
                unexpected_body.refuse()
            chunks: dict[str, Any] = {
                "input_stream": io.BytesIO(content),
                "headers": {**headers, "Transfer-Encoding": "chunked"},
                "environ_overrides": {"wsgi.input_terminated": True},
            }
            with app.test_request_context(path, method=method, **chunks):
                unexpected_body.refuse()


def test_the_document_lists_the_code_where_no_body_is_declared(offline: Client) -> None:
    for path, item in openapi_document(offline.application)["paths"].items():
        for method in item.keys() - {"parameters"}:
            operation = item[method]
            lists = "unexpected_body" in operation["x-problem-codes"]
            assert lists is ("requestBody" not in operation), (method, path)


def test_unknown_paths_and_missing_tokens_keep_their_answers(offline: Client) -> None:
    body = (DRY_RUN, JSON, None)
    assert send(offline, ("POST", "/nothing"), body, chunked=False).status_code == 404
    assert send(offline, ("PUT", f"{ADMIN}/jobs"), body, chunked=False).status_code == 405
    without = offline.application.test_client()
    assert send(without, ("POST", f"{ADMIN}/jobs/1/cancel"), body, chunked=True).status_code == 401


def test_at_most_50_fields_are_named(offline: Client) -> None:
    answer = offline.get(f"{ADMIN}/jobs", json={f"field{n}": 1 for n in range(60)})
    assert len(answer.get_json()["errors"]) == 50


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_real_server_refuses_a_body_and_keeps_the_connection(
    server: Gunicorn, method: str
) -> None:
    path = f"{ADMIN}/jobs/1" + ("/cancel" if method == "POST" else "")
    headers = {"Content-Type": JSON}

    def pieces(content: bytes) -> Iterator[bytes]:
        yield from (content[at : at + 3] for at in range(0, len(content), 3))

    with server.client(limits=httpx.Limits(max_connections=1)) as client:
        for content in (DRY_RUN, pieces(DRY_RUN)):
            answer = client.request(method, path, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "unexpected_body")
        for content in (b"{}", pieces(b"{}"), pieces(b"")):
            answer = client.request(method, path, content=content, headers=headers)
            assert answer.json()["code"] == "not_found"
        probe = client.request("GET", "/healthz", content=DRY_RUN, headers=headers)
        assert probe.json()["code"] == "unexpected_body"
