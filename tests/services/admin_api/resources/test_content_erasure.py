"""DELETE /api/authors/{name} and /api/subreddits/{name}/content: counts, operations, audit."""

from collections.abc import Callable
from typing import Any

import flask
import flask.testing
import pytest
import structlog
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain import erased_name
from crawljobs.repository.erasure import author_erasure
from crawljobs.repository.operations import audit_log, operation_rows
from support import crawled, erasure
from support.admin_api import TOKEN, with_token
from support.erasure import KEY, NAME

Client = flask.testing.FlaskClient
AUTHOR = f"/api/authors/{NAME}"
NOTHING = {
    "posts": 0, "comments": 0, "crossposts": 0, "edges": 0, "more": False, "dry_run": False,
    "operation_id": None,
}  # fmt: skip


@pytest.fixture
def client(make_app: Callable[..., flask.Flask], database_url: str) -> Client:
    return with_token(make_app(database_url, CONTENT_KEY=KEY.decode()))


@pytest.fixture
def filled(database: Database) -> Database:
    with database.begin() as conn:
        erasure.fill(conn, 3)
    return database


def audited(database: Database) -> list[tuple[str, str, str | None, Any]]:
    with database.begin() as conn:
        entries = audit_log.list_entries(conn).entries
    return [(e.action, e.resource_type, e.resource_id, e.after) for e in entries]


def test_an_author_is_erased_as_an_operation_and_audited_without_the_name(
    client: Client, filled: Database
) -> None:
    found = {"posts": 3, "comments": 3, "crossposts": 0, "edges": 1}
    dry = client.delete(AUTHOR, query_string={"dry_run": "true"})
    assert (dry.status_code, dry.json) == (200, {**NOTHING, **found, "dry_run": True})
    assert audited(filled) == []

    accepted = client.delete(AUTHOR.upper().replace("/API/AUTHORS", "/api/authors"))
    assert accepted.status_code == 202
    operation_id = accepted.json["operation_id"]
    assert accepted.json == {**NOTHING, **found, "operation_id": operation_id}
    assert accepted.headers["Location"] == f"/api/admin/operations/{operation_id}"
    again = client.delete(AUTHOR)
    assert (again.status_code, again.json["code"]) == (409, "operation_in_progress")
    erasure.work(filled)
    progress = client.get(accepted.headers["Location"]).json
    assert (progress["state"], progress["total"], progress["done"]) == ("succeeded", 7, 7)
    assert client.get(AUTHOR).status_code == 404
    second = client.delete(AUTHOR)
    assert (second.status_code, second.json) == (200, NOTHING)

    name_hash = erased_name.name_hash(KEY, NAME.lower()).hex()
    nothing = dict.fromkeys(found, 0)
    assert erasure.tables_with(filled, NAME) == ["comments", "posts"], "bob's texts name the author"
    last, ended, refused, first = audited(filled)
    assert first == ("erase", "author", name_hash, {**found, "operation": operation_id})
    assert refused[3]["path"] == "/api/authors/<author:author>"
    assert ended[:2] == ("operation_succeeded", "author")
    assert ended[3]["results"] == {"erased": 7}
    assert last == ("erase", "author", name_hash, nothing)
    posts = client.get("/api/subreddits/python/posts").json["items"]
    assert {(post["author"], post["deleted"]) for post in posts} == {("bob", False), (None, True)}
    exported = client.get("/api/export/posts", query_string={"shape": "flat"}).text
    assert exported.count('"deleted":true') == 3
    authors = client.get("/api/export/authors", query_string={"pseudonyms": "true"}).text
    assert authors.count("\n") == 1, "no pseudonym of the erased author"


def test_an_author_who_is_not_stored_is_blocked_too(client: Client, database: Database) -> None:
    assert client.delete("/api/authors/Never_Seen").json == NOTHING
    with database.begin() as conn:
        crawled.store(conn, crawled.post("p1", author=crawled.Account("never_seen")), key=KEY)
        assert conn.execute(text("SELECT count(*) FROM authors")).scalar_one() == 0


def test_a_failed_erasure_is_continued_by_a_second_request(
    client: Client, filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The author's name is replaced by then, and the failed operation has lost it too."""
    first = client.delete(AUTHOR).json["operation_id"]
    delete_author = author_erasure.author_traces.delete_author

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(author_erasure.author_traces, "delete_author", fails)
    for _ in range(5):
        erasure.work(filled)
        with filled.begin() as conn:
            conn.execute(text("UPDATE operations SET next_run_at = now()"))
    assert client.get(f"/api/admin/operations/{first}").json["state"] == "failed"
    assert erasure.tables_with(filled, "erased_name") == []
    monkeypatch.setattr(author_erasure.author_traces, "delete_author", delete_author)
    assert client.delete(AUTHOR).status_code == 202
    erasure.work(filled)
    with filled.begin() as conn:
        assert conn.execute(text("SELECT name FROM authors")).scalars().all() == ["bob"]


def test_erasure_of_an_author_needs_the_key_of_earlier_erasures(
    make_app: Callable[..., flask.Flask], database_url: str, filled: Database
) -> None:
    def refused(**settings: str) -> str:
        answer = with_token(make_app(database_url, **settings)).delete(AUTHOR)
        assert (answer.status_code, answer.json["code"]) == (409, "no_content_key")
        return str(answer.json["detail"])

    assert "CONTENT_KEY_FILE" in refused()
    erasure.erase(filled, "someone_else")
    assert "former key" in refused(CONTENT_KEY="aZ3kQ8vT1xN6bLw0RzYc4mHs7JfGp2De")


def test_the_content_of_a_subreddit_is_erased_and_its_row_stays(
    client: Client, filled: Database
) -> None:
    path = "/api/subreddits/Python/content"
    found = {"posts": 6, "comments": 6, "edges": 2}
    dry = client.delete(path, query_string={"dry_run": "true"})
    assert (dry.status_code, dry.json) == (200, {**NOTHING, **found, "dry_run": True})
    accepted = client.delete(path)
    assert accepted.status_code == 202
    with filled.begin() as conn:
        crawled.store(conn, crawled.post("new", created_at=crawled.CREATED), key=KEY)
        conn.execute(text("UPDATE subreddits SET high_water_post = 'p1', gaps = 2"))
    erasure.work(filled)
    assert client.get(accepted.headers["Location"]).json["counts"] == {"erased": 15}
    with filled.begin() as conn:
        kept = conn.execute(text("SELECT id FROM posts UNION ALL SELECT id FROM comments"))
        assert kept.scalars().all() == ["new"], "a running crawl goes on"
        row = conn.execute(text("SELECT name, high_water_post, gaps FROM subreddits")).one()
    assert row == ("python", None, 0)
    assert [entry[:2] for entry in audited(filled)] == [
        ("operation_succeeded", "subreddit"),
        ("erase", "subreddit"),
    ]
    assert client.delete("/api/subreddits/unknown/content").status_code == 404


def test_only_the_scope_erase_erases(client: Client, filled: Database) -> None:
    scopes = ["read", "jobs", "schedules", "audit", "tokens", "webhooks", "content"]
    made = client.post("/api/admin/tokens", json={"name": "all but erase", "scopes": scopes})
    headers = {"Authorization": f"Bearer {made.json['token']}"}
    for path in (AUTHOR, "/api/subreddits/python/content"):
        answer = client.delete(path, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")
    with filled.begin() as conn:
        assert operation_rows.take(conn, kinds=["erase_author", "erase_subreddit"]) is None


def test_no_log_line_has_the_name_of_an_author_whatever_the_path(app: flask.Flask) -> None:
    unchecked = flask.testing.FlaskClient(app, app.response_class)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for method, path in (
        ("DELETE", AUTHOR),
        ("POST", AUTHOR),  # no such method
        ("DELETE", f"{AUTHOR}/"),
        ("DELETE", f"{AUTHOR}/posts"),
        ("DELETE", AUTHOR.upper()),
        ("DELETE", f"/{AUTHOR}"),
        ("DELETE", AUTHOR.replace("/", "%2F")),
        ("GET", f"{AUTHOR}%0A{NAME}?x={NAME}"),
    ):
        with structlog.testing.capture_logs() as logged:
            unchecked.open(path, method=method, headers=headers)
        (line,) = (line for line in logged if line["event"] == "http.request")
        assert line["path"].lower().endswith("/authors/<author:author>"), (method, path)
        assert NAME.lower() not in str(logged).lower()
