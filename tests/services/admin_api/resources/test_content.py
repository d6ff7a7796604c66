"""Stored posts, comments and authors over HTTP: filters, pages, trees and deleted content."""

from datetime import datetime, timedelta
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.reddit_items import Comment
from crawljobs.repository.content.reads import item_page_sql, post_trees, shown_items
from support import crawled
from support.admin_api import with_token
from support.crawled import CREATED

Client = flask.testing.FlaskClient
MINUTE = timedelta(minutes=1)
POSTS, COMMENTS = "/api/subreddits/python/posts", "/api/subreddits/Python/comments"


def at(minutes: int) -> datetime:
    return CREATED + minutes * MINUTE


def walked(client: Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return the items of all pages. Each page but the last is full."""
    items: list[dict[str, Any]] = []
    while True:
        answer = client.get(path, query_string=query)
        assert answer.status_code == 200, answer.text
        page = answer.get_json()
        items += page["items"]
        assert (page["next"] is None) == ("Link" not in answer.headers)
        if page["next"] is None:
            return items
        assert len(page["items"]) == query["limit"]
        query["cursor"] = page["next"]


def ids(client: Client, path: str, **query: Any) -> str:
    return " ".join(one["id"] for one in walked(client, path, **{"limit": 500, **query}))


@pytest.fixture
def stored(database: Database) -> Database:
    """Six posts and six comments in two subreddits. d and e have the same time; b is deleted."""
    scores = {"a": 5, "b": -3, "c": None, "d": 40, "e": 0}

    def comment(name: str, **values: Any) -> Comment:
        return crawled.comment(name, post_id="a", parent_id="t3_a", **values)

    with database.begin() as conn:
        for n, (name, score) in enumerate(scores.items()):
            values: dict[str, Any] = {"created_at": at(min(n, 3)), "score": score}
            crawled.store(conn, crawled.post(name, **values), comment(name, **values))
        others = {"subreddit": "golang"}
        crawled.store(conn, crawled.post("f", **others), crawled.comment("f", **others))
        values = {"created_at": at(1), "score": -3, "deleted": True, "author": None, "body": None}
        crawled.store(conn, crawled.deleted_post("b", created_at=at(1), score=-3))
        crawled.store(conn, comment("b", **values))
    return database


@pytest.mark.parametrize("path", [POSTS, COMMENTS])
@pytest.mark.parametrize("size", [1, 2, 500])
def test_pages_have_each_item_of_the_subreddit_once_in_both_orders(
    client: Client, stored: Database, path: str, size: int
) -> None:
    assert ids(client, path, limit=size) == "e d c b a"
    assert ids(client, path, limit=size, sort="created_at") == "a b c d e"


@pytest.mark.parametrize("path", [POSTS, COMMENTS])
def test_each_filter_has_the_items_that_match(client: Client, stored: Database, path: str) -> None:
    one, three = at(1).isoformat(), at(3).isoformat()
    for query, expected in (
        ({"since": one}, "e d c b"),
        ({"until": three}, "c b a"),
        ({"since": one, "until": three}, "c b"),
        ({"since": three, "until": one}, ""),
        ({"score_min": 0}, "e d a"),
        ({"score_max": 0}, "e b"),
        ({"score_min": -3, "score_max": 5}, "e b a"),
        ({"deleted": "true"}, "b"),
        ({"deleted": "false"}, "e d c a"),
        ({"deleted": "false", "score_max": 5, "until": three}, "a"),
    ):
        for size in (1, 500):
            assert ids(client, path, limit=size, **query) == expected, query


def test_a_page_checks_a_limited_number_of_items(client: Client, database: Database) -> None:
    most = item_page_sql.SCAN_LIMIT
    with database.begin() as conn:
        conn.execute(text("INSERT INTO subreddits (name) VALUES ('python')"))
        fill = """
            INSERT INTO posts (id, subreddit_id, score, created_at)
            SELECT 'p' || n, 1, n, now() - n * interval '1 second' FROM generate_series(1, :n) AS n
            """
        conn.execute(text(fill), {"n": most + 1})
    query = {"score_min": most + 1}
    page = client.get(POSTS, query_string=query).get_json()
    assert (page["items"], page["next"] is None) == ([], False)
    page = client.get(POSTS, query_string={**query, "cursor": page["next"]}).get_json()
    assert ([one["id"] for one in page["items"]], page["next"]) == ([f"p{most + 1}"], None)


def test_deleted_content_appears_nowhere(client: Client, stored: Database) -> None:
    """Also if a row still has the content."""
    with stored.begin() as conn:
        add = "INSERT INTO authors (id, name) OVERRIDING SYSTEM VALUE VALUES (99, 'secret')"
        conn.execute(text(add))
        for table in ("posts", "comments"):
            conn.execute(text(f"UPDATE {table} SET author_id = 1, body = 'secret' WHERE id = 'b'"))
        conn.execute(
            text("UPDATE posts SET title = 'secret', url = 'secret', permalink = 'secret', "
                 "domain = 'secret', flair = 'secret', crosspost_parent = 'secret', "
                 "author_flair = 'secret', crosspost_subreddit = 'secret', "
                 "crosspost_author_id = 99, extra = '[\"secret\"]' WHERE id = 'b'")
        )  # fmt: skip
    for path in (POSTS, COMMENTS, "/api/posts/b", "/api/posts/a"):
        answer = client.get(path)
        assert "secret" not in answer.text
        body = answer.get_json()
        (found,) = (one for one in [*body["items"], body.get("post")] if one and one["id"] == "b")
        assert found["deleted"] is True
        assert (found["author"], found["body"], found["score"]) == (None, None, -3)
        assert found["deleted_at"] is not None


def test_a_post_has_its_tree_page_by_page(client: Client, database: Database) -> None:
    tree = {"c1": "t3_p1", "c2": "t1_c1", "c3": "t3_p1", "c4": "t1_c2", "c5": "t1_gone"}
    with database.begin() as conn:
        crawled.store(conn, crawled.post("p1"), crawled.post("p2"))
        for n, (name, parent) in enumerate(tree.items()):
            crawled.store(conn, crawled.comment(name, parent_id=parent, created_at=at(n)))
        crawled.store(conn, crawled.comment("other", post_id="p2", parent_id="t3_p2"))
    for size in (1, 2, 500):
        items = walked(client, "/api/posts/t3_p1", limit=size)
        assert [(one["id"], one["depth"]) for one in items] == [
            ("c1", 0), ("c2", 1), ("c4", 2), ("c3", 0), ("c5", 0),
        ]  # fmt: skip
    whole = client.get("/api/posts/p1").get_json()
    assert (whole["post"]["id"], whole["is_cut"]) == ("p1", False)
    between = {"since": at(1).isoformat(), "until": at(2).isoformat()}
    (second,) = walked(client, COMMENTS, limit=500, **between)
    assert whole["items"][1] == {**second, "depth": 1}
    for path in ("/api/posts/nothing", "/api/posts/PQ"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", [POSTS, COMMENTS, "/api/posts/p0"])
def test_a_page_of_long_texts_ends_early_and_the_next_one_continues(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    sizes = [10, 300, 10, 10, 2_000, 3_000, 10, 900]
    monkeypatch.setattr(shown_items, "PAGE_CHARACTERS", 1_500)
    monkeypatch.setattr(shown_items, "ROWS_AT_ONCE", 3)
    with database.begin() as conn:
        for n, size in enumerate(sizes):
            item = {"created_at": at(n), "body": "\u6f22" * size}
            crawled.store(conn, crawled.post(f"p{n}", **item))
            parent = {"post_id": "p0", "parent_id": "t3_p0"}
            crawled.store(conn, crawled.comment(f"c{n}", **parent, **item))
    found: list[str] = []
    for limit in (500, 3):
        query: dict[str, Any] = {"limit": limit}
        if path != "/api/posts/p0":
            query["sort"] = "created_at"
        found, pages = [], 0
        while pages == 0 or query["cursor"] is not None:
            page = client.get(path, query_string=query).get_json()
            bodies = [item["body"] for item in page["items"]]
            assert len(bodies) == 1 or 0 < sum(map(len, bodies)) <= 1_500
            found += [item["id"][1:] for item in page["items"]]
            query["cursor"], pages = page["next"], pages + 1
        assert found == [str(n) for n in range(len(sizes))]
        assert pages < len(sizes)


def test_a_tree_continues_after_its_last_comment_although_it_changed(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        crawled.store(conn, crawled.post("p1"))
        for n in range(4):
            crawled.store(conn, crawled.comment(f"c{n}", created_at=at(n)))
    first = client.get("/api/posts/p1", query_string={"limit": 2}).get_json()
    with database.begin() as conn:
        crawled.store(conn, crawled.comment("earlier", created_at=at(-1)))
    rest = client.get("/api/posts/p1", query_string={"limit": 2, "cursor": first["next"]})
    assert [one["id"] for one in rest.get_json()["items"]] == ["c2", "c3"]
    with database.begin() as conn:
        conn.execute(text("DELETE FROM comments WHERE id IN ('earlier', 'c1')"))
    rest = client.get("/api/posts/p1", query_string={"limit": 2, "cursor": first["next"]})
    assert [one["id"] for one in rest.get_json()["items"]] == ["c3"]


def test_a_very_large_tree_is_cut_and_says_so(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as conn:
        crawled.store(conn, crawled.post("p1"))
        fill = """
            INSERT INTO comments (id, post_id, parent_id, subreddit_id, created_at)
            SELECT 'c' || n, 'p1', 't3_p1', 1, now() FROM generate_series(1, :n) AS n
            """
        conn.execute(text(fill), {"n": post_trees.TREE_MAX + 1})
    page = client.get("/api/posts/p1", query_string={"limit": 1}).get_json()
    assert (page["is_cut"], len(page["items"]), page["next"] is None) == (True, 1, False)
    with database.begin() as conn:
        conn.execute(text("DELETE FROM comments WHERE id = 'c1'"))
    assert client.get("/api/posts/p1").get_json()["is_cut"] is False


def test_an_author_has_activity_by_subreddit(client: Client, database: Database) -> None:
    with database.begin() as conn:
        for n, name in enumerate(("golang", "python", "rust")):
            crawled.store(conn, crawled.post(f"p{n}", subreddit=name, created_at=at(n)))
        crawled.store(conn, crawled.comment("c1", author=crawled.post().author, created_at=at(9)))
    path = "/api/authors/ADA"
    for size in (1, 2, 500):
        items = walked(client, path, limit=size)
        assert [one["subreddit"] for one in items] == ["golang", "python", "rust"]
    assert (items[1]["posts"], items[1]["comments"]) == (1, 1)
    assert client.get(path).get_json()["author"]["name"] == "ada"
    for query, expected in (
        ({"since": at(2).isoformat()}, ["python", "rust"]),
        ({"until": at(1).isoformat()}, ["golang"]),
        ({"since": at(3).isoformat(), "until": at(2).isoformat()}, ["python"]),
    ):
        found = walked(client, path, limit=1, **query)
        assert [one["subreddit"] for one in found] == expected, query
    assert client.get("/api/authors/nobody_else").status_code == 404


def test_content_needs_its_own_scope(client: Client, app: flask.Flask, stored: Database) -> None:
    def made(*scopes: str) -> Client:
        body = {"name": f"t{len(scopes)}", "scopes": scopes}
        token = client.post("/api/admin/tokens", json=body).get_json()["token"]
        return with_token(app, token)

    paths = (POSTS, COMMENTS, "/api/posts/a", "/api/authors/ada")
    content, others = made("content"), made("read", "jobs", "audit")
    for path in paths:
        assert content.get(path).status_code == 200
        assert others.get(path).status_code == 403
    assert content.get("/api/admin/subreddits").status_code == 403


def test_wrong_parameters_are_refused(client: Client, stored: Database) -> None:
    cursor = client.get(POSTS, query_string={"limit": 1}).get_json()["next"]
    for path, query, status in (
        (POSTS, {"limit": 501}, 422),
        (POSTS, {"sort": "score"}, 422),
        (POSTS, {"since": "yesterday"}, 422),
        (POSTS, {"author": "ada"}, 400),
        (COMMENTS, {"cursor": cursor}, 400),
        (POSTS, {"cursor": cursor, "deleted": "true"}, 400),
        (POSTS, {"cursor": cursor, "sort": "created_at"}, 400),
        ("/api/subreddits/golang/posts", {"cursor": cursor}, 400),
        ("/api/subreddits/nothing/posts", {}, 404),
        (POSTS, {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}, 200),
    ):
        answer = client.get(path, query_string=query)
        assert answer.status_code == status, (path, query, answer.text)
