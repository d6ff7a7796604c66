"""Exports of content over HTTP: formats, shapes, filters, keys, pseudonyms, limits and audit."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import flask
import flask.testing
import pytest
from sqlalchemy import text

from admin_api.http import state
from admin_api.http.exports import line_writers
from crawljobs.db.database import Database
from crawljobs.domain.pseudonym import pseudonym
from crawljobs.domain.reddit_items import Account
from crawljobs.repository.exports import export_chunks, export_plan
from crawljobs.repository.exports.export_plan import ExportKind, ExportShape
from crawljobs.repository.operations import audit_log
from support import crawled
from support.admin_api import with_token
from support.crawled import CREATED

Client = flask.testing.FlaskClient
MINUTE = timedelta(minutes=1)
KEY = "kQ7vT2xN9bLw4RzYc8mHs1JfGp5DaE3u"
EXPORT = "/api/export"
OF_MAP = (ExportKind.LINKS, ExportKind.MAP_NODES)
# Programs that read archives of Reddit use these fields, with these types.
POST_FIELDS: dict[str, Any] = {
    "id": str, "name": str, "author": str, "created_utc": int, "subreddit": str, "title": str,
    "selftext": str, "score": int, "num_comments": int, "url": str, "permalink": str,
    "domain": str, "over_18": bool, "spoiler": bool, "stickied": bool, "locked": bool,
    "is_self": bool, "edited": (bool, int), "upvote_ratio": float, "retrieved_on": int,
    "is_video": bool, "is_gallery": bool, "archived": bool, "contest_mode": bool,
    "quarantine": bool, "hide_score": bool, "num_crossposts": int, "total_awards_received": int,
}  # fmt: skip
COMMENT_FIELDS: dict[str, Any] = {
    "id": str, "name": str, "author": str, "created_utc": int, "subreddit": str, "body": str,
    "score": int, "link_id": str, "parent_id": str, "permalink": str, "stickied": bool,
    "is_submitter": bool, "edited": (bool, int), "retrieved_on": int, "locked": bool,
    "archived": bool, "score_hidden": bool, "controversiality": int, "total_awards_received": int,
}  # fmt: skip


def lines(client: Client, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{EXPORT}/{path}", query_string=query)
    assert answer.status_code == 200, answer.text
    assert answer.text == "" or answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.split("\n")[:-1]]


def ids(client: Client, path: str, **query: Any) -> str:
    return " ".join(line["id"] for line in lines(client, path, **query))


@pytest.fixture
def stored(database: Database) -> Database:
    """Four posts and four comments in two subreddits and a profile; b is deleted."""
    where = {"a": "python", "b": "python", "c": "golang", "d": "u_ada"}
    with database.begin() as conn:
        conn.execute(text("INSERT INTO subreddits (name, reddit_id) VALUES ('python', 't5_2fwo')"))
        for n, (name, subreddit) in enumerate(where.items()):
            values: dict[str, Any] = {"subreddit": subreddit, "created_at": CREATED + n * MINUTE}
            crawled.store(conn, crawled.post(name, **values))
            crawled.store(conn, crawled.comment(name, post_id="a", parent_id="t3_a", **values))
            for table in ("posts", "comments"):  # as after changes in the opposite order
                changed = {"at": CREATED + (10 - n) * MINUTE, "id": name}
                conn.execute(text(f"UPDATE {table} SET updated_at = :at WHERE id = :id"), changed)
        conn.execute(text("UPDATE posts SET deleted_at = now(), title = NULL WHERE id = 'b'"))
        conn.execute(text("UPDATE comments SET deleted_at = now() WHERE id = 'b'"))
    return database


@pytest.mark.parametrize("kind", ["posts", "comments"])
def test_each_filter_has_the_lines_that_match_in_the_order_of_their_keys(
    client: Client, stored: Database, kind: str
) -> None:
    def at(minutes: int) -> str:
        return (CREATED + minutes * MINUTE).isoformat()

    for query, expected in (
        ({}, "a b c d"),
        ({"subreddit": "Python"}, "a b"),
        ({"since": at(1)}, "b c d"),
        ({"until": at(2)}, "a b"),
        ({"subreddit": "python", "since": at(1), "until": at(9)}, "b"),
        ({"updated_since": at(8)}, "c b a"),
        ({"updated_since": at(0)}, "d c b a"),
        ({"updated_since": at(0), "subreddit": "python"}, "b a"),
        ({"updated_since": at(0), "since": at(1), "until": at(3)}, "c b"),
        ({"since": at(3), "until": at(1)}, ""),
    ):
        assert ids(client, kind, **query) == expected, query
        assert ids(client, kind, rate=1_000_000, shape="reddit", **query) == expected, query


@pytest.mark.parametrize("shape", ["flat", "reddit"])
def test_an_export_continues_after_any_line(client: Client, stored: Database, shape: str) -> None:
    for kind in ExportKind:
        if kind in OF_MAP or (kind is ExportKind.EDGES and shape == "reddit"):
            continue
        since = CREATED.isoformat()
        for query in ({}, {"since": since}, {"subreddit": "python"}, {"updated_since": since}):
            is_edge_of_one = kind == "edges" and "subreddit" in query
            if query and kind not in export_plan.ITEMS and not is_edge_of_one:
                continue
            given: dict[str, Any] = {**query, **({} if kind == "edges" else {"shape": shape})}
            whole = lines(client, kind, **given)
            assert len(whole) >= (1 if is_edge_of_one else 2)
            names = {
                "": "subreddit,created_at,id", "since": "subreddit,created_at,id",
                "subreddit": "created_at,id", "updated_since": "updated_at,id",
            }[next(iter(query), "")]  # fmt: skip
            if kind not in export_plan.ITEMS:
                names = "author_id,subreddit_id" if kind == "edges" else "id"
                names = "author_id" if is_edge_of_one else names
            if shape == "reddit":
                names = names.replace("created_at", "created_utc")
                names = "crawljobs_id" if names == "id" else names
            for n, line in enumerate(whole):
                key = ",".join(str(line[name]) for name in names.split(","))
                assert lines(client, kind, after=key, **given) == whole[n + 1 :], (kind, key)


def test_an_earlier_key_is_no_way_around_a_filter(client: Client, stored: Database) -> None:
    since = (CREATED + 2 * MINUTE).isoformat()
    assert ids(client, "posts", since=since, after=f"python,{CREATED.isoformat()},0") == "c d"


def test_the_shape_reddit_has_the_fields_of_archives_with_their_types(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        crawled.store(
            conn,
            crawled.post("full", is_self=True, url=None, permalink=None, domain=None),
            crawled.post("bare", score=None, num_comments=None, author=None, body=None,
                         edited=True),
            crawled.deleted_post("gone", removed_by_category="deleted"),
            crawled.post("hidden", body=None, is_self=True, removed_by_category="moderator",
                         edited=True, edited_at=CREATED),
            crawled.comment("full"), crawled.comment("bare", score=None, author=None),
            crawled.comment("gone", deleted=True, author=None, body=None),
            crawled.comment("hidden", body=None, removed_by_category="moderator"),
        )  # fmt: skip
    for kind, fields in (("posts", POST_FIELDS), ("comments", COMMENT_FIELDS)):
        found = {line["id"]: line for line in lines(client, kind, shape="reddit")}
        assert sorted(found) == ["bare", "full", "gone", "hidden"]
        for line in found.values():
            for name, of in fields.items():
                value = line[name]
                assert type(value) in (of if isinstance(of, tuple) else (of,)), (line, name)
        text_field = "selftext" if kind == "posts" else "body"
        assert found["full"]["created_utc"] == CREATED.timestamp()
        assert found["full"]["author"] == ("ada" if kind == "posts" else "bob")
        assert (found["gone"]["author"], found["gone"][text_field]) == ("[deleted]", "[deleted]")
        assert (found["bare"]["author"], found["bare"]["score"]) == ("[deleted]", 1)
        assert found["hidden"][text_field] == "[removed]"
    posts = {line["id"]: line for line in lines(client, "posts", shape="reddit")}
    assert posts["gone"]["title"] == "[deleted]"
    assert posts["full"]["permalink"] == "/r/python/comments/full/"
    assert [posts[name]["edited"] for name in ("full", "bare", "hidden")] == [
        False, True, CREATED.timestamp(),
    ]  # fmt: skip
    (comment,) = (one for one in lines(client, "comments", shape="reddit") if one["id"] == "full")
    assert (comment["link_id"], comment["parent_id"]) == ("t3_p1", "t3_p1")
    assert comment["permalink"] == "/r/python/comments/p1/_/full/"


def test_rarely_used_fields_are_beside_the_others_in_the_shape_reddit(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        crawled.store(conn, crawled.post("p1"), crawled.post("p2"))
        conn.execute(
            text("UPDATE posts SET extra = :extra, author_flair = 'flair', is_gallery = true, "
                 "crosspost_parent = 't3_o', crosspost_author_id = author_id, "
                 "crosspost_subreddit = 'golang' WHERE id = 'p1'"),
            {"extra": json.dumps({"gallery_data": {"items": [{"media_id": "a,b"}]}, "gilded": 1})},
        )  # fmt: skip
        conn.execute(text("UPDATE posts SET extra = '{}' WHERE id = 'p2'"))
    first, second = lines(client, "posts", shape="reddit")
    assert first["gallery_data"] == {"items": [{"media_id": "a,b"}]}
    assert (first["gilded"], first["is_gallery"], first["author_flair_text"]) == (1, True, "flair")
    assert first["crosspost_parent_list"] == [{"author": "ada", "subreddit": "golang"}]
    assert "gallery_data" not in second
    assert second["crosspost_parent_list"] is None
    flat, _ = lines(client, "posts")
    assert flat["extra"]["gilded"] == 1
    assert (flat["crosspost_author"], flat["crosspost_subreddit"]) == ("ada", "golang")
    query = {"shape": "reddit", "format": "csv"}
    rows = client.get(f"{EXPORT}/posts", query_string=query).text.splitlines()
    assert len({row.count(",") for row in rows[:1] + rows[2:]}) == 1


def test_deleted_content_is_in_no_export(client: Client, stored: Database) -> None:
    """Also if a row still has the content."""
    with stored.begin() as conn:
        add = "INSERT INTO authors (id, name) OVERRIDING SYSTEM VALUE VALUES (99, 'secret')"
        conn.execute(text(add))
        conn.execute(
            text("UPDATE comments SET body = 'secret', distinguished = 'secret', "
                 "author_flair = 'secret', collapsed_reason_code = 'secret', "
                 "extra = '{\"x\": \"secret\"}', is_submitter = true WHERE id = 'b'")
        )  # fmt: skip
        conn.execute(
            text("UPDATE posts SET title = 'secret', body = 'secret', url = 'secret', "
                 "permalink = 'secret', domain = 'secret', flair = 'secret', "
                 "crosspost_parent = 'secret', author_flair = 'secret', "
                 "crosspost_subreddit = 'secret', extra = '{\"x\": \"secret\"}', "
                 "post_hint = 'secret', "
                 "flair_template_id = 'secret', distinguished = 'secret', "
                 "crosspost_author_id = 99 WHERE id = 'b'")
        )  # fmt: skip
    for kind in ("posts", "comments"):
        for shape in ("flat", "reddit"):
            found = lines(client, kind, shape=shape)
            assert "secret" not in json.dumps(found)
            (gone,) = (line for line in found if line["id"] == "b")
            assert gone["author"] == (None if shape == "flat" else "[deleted]")
            if shape == "flat":
                assert gone["deleted"] is True
            if kind == "comments":
                assert gone["is_submitter"] is False


FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
HOSTILE = [
    "=1+1", "+1", "-1", "@x", "\tx", "\rx", 'a "quoted" text', "two\nlines", "a\r\nb", "a,b", "",
    " blank ", "\u2028", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201",
    "emoji \U0001f600", "'=1", "#end", "null",
]  # fmt: skip


def test_csv_keeps_each_text_in_one_cell_and_runs_no_formula(
    client: Client, database: Database
) -> None:
    with database.begin() as conn:
        for n, title in enumerate([*HOSTILE, None]):
            crawled.store(conn, crawled.post(f"p{n:02}", title=title, body=None, score=-n))
    answer = client.get(f"{EXPORT}/posts", query_string={"format": "csv"})
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    exact = {line["id"]: line for line in lines(client, "posts")}
    assert len(rows) == len(exact) == len(HOSTILE) + 1
    assert list(rows[0]) == line_writers.columns(ExportKind.POSTS, ExportShape.FLAT)
    for row in rows:
        line = exact[row["id"]]
        title = line["title"]
        if title and title[0] in FORMULA_STARTS:
            title = f"'{title}"
        assert row["title"] == (title or "")
        assert row["score"] == str(line["score"])
        assert (row["body"], row["over_18"]) == ("", "false")
    by_id = {
        line.split(",")[1]: line for line in answer.text.splitlines() if line.startswith("ada")
    }
    empty, absent = by_id[f"p{HOSTILE.index(''):02}"], by_id[f"p{len(HOSTILE):02}"]
    assert ',"",' in empty
    assert ',"",' not in absent


def test_a_continued_csv_has_no_second_header(client: Client, stored: Database) -> None:
    query = {"format": "csv", "after": f"python,{CREATED.timestamp():.0f},a"}
    rest = client.get(f"{EXPORT}/posts", query_string=query).text
    whole = client.get(f"{EXPORT}/posts", query_string={"format": "csv"}).text
    assert whole.splitlines()[0].startswith("author,id,")
    assert whole.splitlines()[2:] == rest.splitlines()


def test_each_line_has_the_fields_in_the_order_of_the_columns(
    client: Client, stored: Database
) -> None:
    for (kind, shape) in (
        (ExportKind.POSTS, ExportShape.FLAT), (ExportKind.COMMENTS, ExportShape.REDDIT),
        (ExportKind.AUTHORS, ExportShape.FLAT), (ExportKind.AUTHORS, ExportShape.REDDIT),
        (ExportKind.SUBREDDITS, ExportShape.FLAT), (ExportKind.SUBREDDITS, ExportShape.REDDIT),
        (ExportKind.EDGES, ExportShape.FLAT),
    ):  # fmt: skip
        query = {} if kind is ExportKind.EDGES else {"shape": shape.value}
        for line in lines(client, kind, **query):
            assert list(line) == line_writers.columns(kind, shape)


def test_pseudonyms_replace_names_and_hide_profiles(
    make_app: Callable[..., flask.Flask], database_url: str, stored: Database
) -> None:
    client = with_token(make_app(database_url, CONTENT_KEY=KEY))
    with stored.begin() as conn:
        crawled.store(conn, crawled.post("e", author=Account("ADA_twin"), created_at=CREATED))
        conn.execute(
            text("UPDATE posts SET author_flair = 'ada_flair', crosspost_parent = 't3_o', "
                 "crosspost_author_id = author_id, extra = '{\"ada\": 1}'")
        )  # fmt: skip
    ada = pseudonym(KEY.encode(), "Ada")
    for kind in ExportKind:
        if kind in (ExportKind.SUBREDDITS, *OF_MAP):
            continue
        for shape in ("flat", "reddit"):
            if kind is ExportKind.EDGES and shape == "reddit":
                continue
            query = {"pseudonyms": "true", **({} if kind == "edges" else {"shape": shape})}
            found = lines(client, kind, **query)
            shown = json.dumps(found)
            if kind in export_plan.ITEMS or kind is ExportKind.EDGES:
                assert "u_ada" not in shown
            assert "t2_" not in shown
            assert not re.search(r'"ada', shown)
            names = {line.get("author", line.get("name")) for line in found}
            assert not names & {"ada", "bob", "ADA_twin"}
            assert ada in names or kind == "comments"
    assert "u_ada" not in client.get(f"{EXPORT}/subreddits?pseudonyms=true").text


NAMED_ADDRESSES = {
    "p1": ("https://www.reddit.com/user/bob/comments/o/", "self.u_bob"),
    "p2": ("https://old.reddit.com/r/U_bob/comments/o/", "u_bob"),
    "p3": ("https://example.org/?to=https%3A%2F%2Freddit.com%2Fu%2Fbob", "example.org"),
    "p4": ("https://example.org/@Ada", "ada.example.org"),
    "p5": ("/user/bob/comments/o/", None),
}


def test_pseudonyms_leave_out_addresses_that_name_an_account(
    make_app: Callable[..., flask.Flask], database_url: str, stored: Database
) -> None:
    client = with_token(make_app(database_url, CONTENT_KEY=KEY))
    with stored.begin() as conn:
        for name, (url, domain) in NAMED_ADDRESSES.items():
            crawled.store(conn, crawled.post(name, url=url, permalink=url, domain=domain))
    for shape, absent in (("flat", None), ("reddit", "")):
        found = {line["id"]: line for line in
                 lines(client, "posts", pseudonyms="true", shape=shape)}  # fmt: skip
        for name in NAMED_ADDRESSES:
            line = found[name]
            assert (line["url"], line["permalink"]) == (absent, absent), name
            assert not re.search(r"bob|ada", json.dumps(line).lower()), name
        assert found["a"]["url"] == "https://example.org/"
        assert found["a"]["permalink"] == "/r/python/comments/a/a_title/"


def test_pseudonyms_hide_the_ids_and_ages_of_accounts(
    make_app: Callable[..., flask.Flask], database_url: str, stored: Database
) -> None:
    client = with_token(make_app(database_url, CONTENT_KEY=KEY))
    with stored.begin() as conn:
        conn.execute(text("UPDATE authors SET created_at_reddit = now()"))
    for line in lines(client, "authors", pseudonyms="true", shape="reddit"):
        assert (line["id"], line["created_utc"]) == (None, None)
    for line in lines(client, "authors", pseudonyms="true"):
        assert (line["reddit_id"], line["created_at_reddit"]) == (None, None)


def test_bodies_can_be_left_out(client: Client, stored: Database) -> None:
    for kind, field in (("posts", "body"), ("comments", "body")):
        assert {line[field] for line in lines(client, kind, bodies="false")} == {None}
    assert {
        line["selftext"] for line in lines(client, "posts", bodies="false", shape="reddit")
    } == {""}


def test_an_export_is_audited_with_its_parameters(client: Client, stored: Database) -> None:
    lines(client, "posts", subreddit="python", since=CREATED.isoformat())
    with stored.begin() as conn:
        (entry,) = audit_log.list_entries(conn, limit=5).entries
    assert (entry.actor, entry.action, entry.resource_type, entry.resource_id) == (
        "bootstrap", "export", "content", "posts",
    )  # fmt: skip
    assert entry.after is not None
    assert entry.after["subreddit"] == "python"
    assert datetime.fromisoformat(entry.after["since"]) == CREATED


def test_a_head_request_exports_nothing(client: Client, stored: Database) -> None:
    answer = client.head(f"{EXPORT}/posts")
    assert (answer.status_code, answer.data) == (200, b"")
    assert "Crawljobs-Updated-Until" in answer.headers
    assert "Content-Length" not in answer.headers  # 0 would be the size of a GET response
    assert answer.headers["Vary"] == "Accept-Encoding"
    with stored.begin() as conn:
        assert audit_log.list_entries(conn, limit=5).entries == []


def test_the_next_export_of_changes_misses_nothing(client: Client, stored: Database) -> None:
    answer = client.get(f"{EXPORT}/posts")
    until = answer.headers["Crawljobs-Updated-Until"]
    with stored.begin() as conn:
        (now,) = conn.execute(text("SELECT now()")).one()
        assert timedelta(seconds=60) <= now - datetime.fromisoformat(until) < timedelta(seconds=90)
        crawled.store(conn, crawled.post("late", created_at=CREATED - MINUTE))
    assert ids(client, "posts", updated_since=until) == "late"


def test_wrong_parameters_and_a_missing_key_are_refused(client: Client, stored: Database) -> None:
    for path, query, status in (
        ("posts", {"pseudonyms": "true"}, 409),
        ("posts", {"subreddit": "nothing"}, 404),
        ("edges", {"subreddit": "nothing"}, 404),
        ("posts", {"format": "parquet"}, 422),
        ("posts", {"after": "a"}, 422),
        ("posts", {"after": "python,yesterday,a"}, 422),
        ("posts", {"after": f"nothing,{CREATED.isoformat()},a"}, 422),
        ("posts", {"after": f"python,{CREATED.isoformat()},t3_a"}, 422),
        ("authors", {"after": "9" * 19}, 422),
        ("edges", {"after": "1"}, 422),
        ("edges", {"shape": "reddit"}, 400),
        ("authors", {"since": CREATED.isoformat()}, 400),
        ("posts", {"rate": 1}, 422),
        ("links", {"format": "gexf", "after": "1,2"}, 422),
        ("links", {"min_shared": 0}, 422),
        ("map_nodes", {}, 404),
    ):
        answer = client.get(f"{EXPORT}/{path}", query_string=query)
        assert answer.status_code == status, (path, query, answer.text)
    with stored.begin() as conn:
        assert audit_log.list_entries(conn, limit=5).entries == []
    old = client.get(f"{EXPORT}/posts", environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"})
    assert old.status_code == 505


def test_a_token_takes_one_of_two_places_and_further_exports_wait(
    client: Client, app: flask.Flask, stored: Database
) -> None:
    places = state.of(app).content_exports
    made = [client.post("/api/admin/tokens", json={"name": name, "scopes": ["content"]})
            for name in ("one", "two")]  # fmt: skip
    one, two = (with_token(app, answer.get_json()["token"]) for answer in made)

    def begun(asking: Client) -> Any:
        return asking.get(f"{EXPORT}/posts", buffered=False)

    def refuse(asking: Client) -> None:
        refused = asking.get(f"{EXPORT}/authors")
        assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_exports")
        assert "2 exports of content at once, at most 1 of one token" in refused.text
        assert int(refused.headers["Retry-After"]) > 0

    first = begun(one)
    refuse(one)  # although a place is free
    second = begun(two)
    assert (first.status_code, second.status_code) == (200, 200)
    refuse(client)  # although this token has no export
    assert client.get("/api/admin/subreddits").status_code == 200
    first.close()
    assert len(lines(one, "authors")) == len(lines(client, "authors")) == 2
    second.close()
    assert client.get(f"{EXPORT}/posts?after=x").status_code == 422
    assert not places._running  # a refused export holds no place


def test_an_item_whose_transaction_takes_long_is_in_the_next_export_of_changes(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_chunks, "COMMIT_DELAY", timedelta(0))  # as after a long transaction
    begin = CREATED.isoformat()
    with database.begin() as conn:
        crawled.store(conn, crawled.post("early"))
    with database.begin() as slow:
        crawled.store(slow, crawled.post("late"))
        first = client.get(f"{EXPORT}/posts", query_string={"updated_since": begin})
        assert [json.loads(line)["id"] for line in first.text.splitlines()] == ["early"]
    since = first.headers["Crawljobs-Updated-Until"]
    assert "late" in ids(client, "posts", updated_since=since)
    last = client.get(f"{EXPORT}/posts").headers["Crawljobs-Updated-Until"]
    assert ids(client, "posts", updated_since=last) == ""
