"""The freshness of subreddits: classes, lists in several orders, and the page of a subreddit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import flask.testing
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain import freshness as rules
from crawljobs.domain.freshness import Lateness
from crawljobs.repository.content.freshness import lateness, recent_crawls, subreddit_order
from crawljobs.repository.content.freshness.subreddit_order import SubredditSort
from crawljobs.repository.map import neighbours
from support import jobs as factory
from support import plans

FRESHNESS, SUBREDDITS = "/api/admin/freshness", "/api/admin/subreddits"
ROWS = f"{FRESHNESS}/subreddits"
Client = flask.testing.FlaskClient
HOUR = timedelta(hours=1)
# name: (hours since the last crawl, hours from now to the next crawl, class)
TIMES: dict[str, tuple[float | None, float | None, str]] = {
    "fresh": (1, 5, "fresh"),
    "due": (11, -1, "due"),
    "late": (20, -10, "late"),
    "very_late": (100, -80, "very_late"),
    "worst": (10, -9, "very_late"),
    "never": (None, -5, "never"),
    "unplanned": (3, None, "unplanned"),
    "odd_due": (1, -2, "due"),
}


def got(client: Client, path: str) -> dict[str, Any]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert isinstance(body, dict)
    return body


@pytest.fixture
def subreddits(database: Database) -> dict[str, int]:
    now = datetime.now(UTC)
    with database.begin() as conn:
        for name, (ago, ahead, _) in TIMES.items():
            conn.execute(
                text(
                    "INSERT INTO subreddits (name, last_crawled_at, next_crawl_at, access) "
                    "VALUES (:name, :last, :next, 'public')"
                ),
                {
                    "name": name,
                    "last": None if ago is None else now - ago * HOUR,
                    "next": None if ahead is None else now + ahead * HOUR,
                },
            )
        return {row.name: row.id for row in conn.execute(text("SELECT id, name FROM subreddits"))}


@pytest.mark.usefixtures("subreddits")
def test_the_classes_are_counted_and_listed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = got(client, FRESHNESS)
    assert found["by_lateness"] == {
        each: [kind for *_, kind in TIMES.values()].count(each) for each in Lateness
    }
    assert found["at_least"] == []
    listed = got(client, ROWS)["items"]
    assert {each["name"]: each["freshness"]["lateness"] for each in listed} == {
        name: kind for name, (*_, kind) in TIMES.items()
    }
    by_name = {each["name"]: each["freshness"] for each in listed}
    assert by_name["late"]["wanted_seconds"] == pytest.approx(36_000, abs=1)
    assert by_name["late"]["ratio"] == pytest.approx(2, abs=0.01)
    for kind in Lateness:
        found = got(client, f"{ROWS}?lateness={kind}")
        assert {each["name"] for each in found["items"]} == {
            name for name, (*_, each) in TIMES.items() if each == kind
        }


@pytest.mark.usefixtures("subreddits")
@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", sorted(TIMES)),
        ("next_crawl_at", ["very_late", "late", "worst", "never", "odd_due", "due", "fresh"]),
        (
            "last_crawled_at",
            ["very_late", "late", "due", "worst", "unplanned", "fresh", "odd_due"],
        ),
        ("-lateness", ["worst", "very_late", "late", "due", "odd_due", "never"]),
    ],
)
def test_each_order_has_its_subreddits_page_by_page(
    client: Client, sort: str, names: list[str]
) -> None:
    found: list[str] = []
    cursor = ""
    limit = 100 if sort == "-lateness" else 2
    while True:
        page = got(client, f"{ROWS}?limit={limit}&sort={sort}{cursor}")
        found += [each["name"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    if sort == "-lateness":
        assert (found[:4], set(found)) == (names[:4], set(names))
    elif sort == "last_crawled_at":  # two subreddits were crawled at the same time
        assert (found[:5], set(found)) == (names[:5], set(names))
        backwards = got(client, f"{ROWS}?sort=-last_crawled_at")["items"]
        assert [each["name"] for each in backwards] == found[::-1]
    else:
        assert found == names


@pytest.mark.usefixtures("subreddits")
def test_the_sql_has_the_classes_of_the_rule(database: Database) -> None:
    hours = (None, -40.0, -10.0, -3.0, -2.0, -1.0, 0.0, 1.0, 5.0)
    with database.begin() as conn:
        conn.execute(text("DELETE FROM subreddits"))
        now = conn.execute(text("SELECT now()")).scalar_one()
        for number, (last, following) in enumerate((a, b) for a in hours for b in hours):
            conn.execute(
                text(
                    "INSERT INTO subreddits (name, last_crawled_at, next_crawl_at) "
                    "VALUES (:name, :last, :next)"
                ),
                {
                    "name": f"s{number}",
                    "last": None if last is None else now + last * HOUR,
                    "next": None if following is None else now + following * HOUR,
                },
            )
        for kind in Lateness:
            found = subreddit_order.list_rows(
                conn,
                sort=SubredditSort.NAME,
                filters={"lateness": kind},
                after=None,
                limit=100,
                now=now,
            )
            for row in found.rows:
                rule = rules.freshness(
                    last_crawled_at=row.last_crawled_at, next_crawl_at=row.next_crawl_at, now=now
                )
                assert rule.lateness is kind, row


def crawled(conn: Connection, name: str, *, hours_ago: float, checkpoint: str) -> None:
    conn.execute(
        text(
            "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
            "finished_at, outcome, checkpoint) SELECT id, 'succeeded', 1, 1, 'user', "
            "now() - :hours * interval '1 hour', 'crawled', CAST(:checkpoint AS jsonb) "
            "FROM subreddits WHERE name = :name"
        ),
        {"name": name, "hours": hours_ago, "checkpoint": checkpoint},
    )


def test_the_page_of_a_subreddit_has_its_crawls_items_and_neighbours(
    client: Client, database: Database, subreddits: dict[str, int]
) -> None:
    with database.begin() as conn:
        crawled(conn, "late", hours_ago=12, checkpoint='{"posts": "x", "requests": -1}')
        crawled(
            conn, "late", hours_ago=0, checkpoint='{"posts": 30, "comments": 70, "requests": 10}'
        )
        conn.execute(
            text(
                "INSERT INTO posts (id, subreddit_id, created_at) SELECT 'p' || n, :id, "
                "now() - n * interval '1 day' FROM generate_series(0, 20) AS n"
            ),
            {"id": subreddits["late"]},
        )
        conn.execute(
            text(
                "INSERT INTO subreddit_links (a_id, b_id, shared_authors, weight, is_top_of_a, "
                "is_top_of_b, computed_at) VALUES (:a, :b, 5, 0.5, true, true, now())"
            ),
            {
                "a": min(subreddits["late"], subreddits["due"]),
                "b": max(subreddits["late"], subreddits["due"]),
            },
        )
        live = factory.enqueue(conn, "late")
    page = got(client, f"{SUBREDDITS}/LATE/overview")
    assert [(each["items"], each["requests"]) for each in page["crawls"]] == [(100, 10), (0, 0)]
    assert page["items_per_request"] == 10
    assert page["live_job"] == {"id": live, "status": "queued"}
    assert [each["name"] for each in page["neighbours"]] == ["due"]
    assert len(page["items_by_day"]) in (14, 15)
    assert sum(each["posts"] for each in page["items_by_day"]) == 14
    assert page["items_per_day"] == 1
    assert (page["pause"], page["community"]) == (None, None)
    (row,) = got(client, f"{ROWS}?name_contains=LATE&lateness=late")["items"]
    assert (row["items_per_day"], row["items_per_request"]) == (pytest.approx(200, rel=0.01), 10)
    assert row["live_job"] == page["live_job"]
    whole = got(client, f"{SUBREDDITS}/late")
    shown = {name: page[name] for name in whole if name not in ("jobs", "crawled_seconds_ago")}
    assert shown == {name: whole[name] for name in shown}
    pause = {"subreddit": "late", "reason": "asked to"}
    assert client.post("/api/admin/queue/pause", json=pause).status_code == 200
    assert got(client, f"{SUBREDDITS}/late/overview")["pause"]["reason"] == "asked to"
    assert client.get(f"{SUBREDDITS}/nowhere/overview").status_code == 404


@pytest.mark.usefixtures("subreddits")
def test_pages_of_freshness_are_unchanged_while_only_the_time_passes(client: Client) -> None:
    for path in (FRESHNESS, ROWS, f"{SUBREDDITS}/late/overview"):
        tag = client.get(path).headers["ETag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    change = {"min_crawl_gap_seconds": 60}
    assert client.patch(f"{SUBREDDITS}/late", json=change).status_code == 200
    changed = client.get(f"{SUBREDDITS}/late/overview", headers={"If-None-Match": tag})
    assert changed.status_code == 200


def test_no_statement_scans_a_table_of_content_or_jobs(conn: Connection) -> None:
    conn.execute(
        text(
            "INSERT INTO subreddits (name, last_crawled_at, next_crawl_at) SELECT 's' || n, "
            "now() - n * interval '1 minute', now() + (n - 25000) * interval '1 minute' "
            "FROM generate_series(1, 50000) AS n"
        )
    )
    conn.execute(
        text(
            "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
            "finished_at) SELECT id, 'succeeded', 1, 1, 'user', now() FROM subreddits"
        )
    )
    conn.execute(
        text(
            "INSERT INTO posts (id, subreddit_id, created_at) "
            "SELECT 'p' || id, id, now() FROM subreddits WHERE id <= 5000"
        )
    )
    conn.execute(
        text(
            "INSERT INTO comments (id, post_id, parent_id, subreddit_id, created_at) "
            "SELECT id, id, 't3_' || id, subreddit_id, created_at FROM posts"
        )
    )
    conn.execute(text("ANALYZE subreddits, crawl_jobs, posts, comments, subreddit_links"))
    now = conn.execute(text("SELECT now()")).scalar_one()
    values = {
        "now": now,
        "ids": list(range(1, 101)),
        "at_most": 20,
        "subreddit_id": 7,
        "of": 7,
        "access": "public",
        "lateness": "late",
    }
    after = {"after_0": now, "after_1": 7}
    pages = {
        sort: subreddit_order.page_statement(
            sort, ("access", "lateness"), continues=continues, limit=100
        )
        for continues in (False, True)
        for sort in SubredditSort
        if not (continues and sort in (SubredditSort.WORST, SubredditSort.NAME))
    }
    counts = (lateness.DUE, lateness.PLANNED, lateness.NEVER, lateness.CRAWLED)
    others = (
        recent_crawls._CRAWLS,
        recent_crawls._LIVE,
        recent_crawls._POSTS,
        recent_crawls._COMMENTS,
        neighbours.NEIGHBOURS,
    )
    for statement in (*counts, *others, *pages.values()):
        plan = plans.generic_plan(conn, statement, {**values, **after})
        scanned = set(plans.tables_scanned(plan))
        assert not scanned & {"subreddits", "crawl_jobs", "posts", "comments"}, statement
    for statement in pages.values():
        read = plans.rows_read(conn, statement, {**values, **after}, table="subreddits")
        assert read <= 2 * subreddit_order.SCAN_LIMIT
