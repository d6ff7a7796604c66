"""Pages of posts and comments are stored completely and once. Unchanged rows are not written."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Account, Items
from crawljobs.repository.content import refreshes
from crawljobs.repository.content.page_storage import crawled_items
from support import crawled, locks
from support.crawled import CREATED, comment, deleted_post, post, store, tuples_written


def one(conn: Connection, query: str) -> Any:
    return conn.execute(text(query)).one()


def edges(conn: Connection) -> dict[tuple[str, str], tuple[int, int]]:
    rows = conn.execute(
        text("""
        SELECT author.name AS author, subreddit.name AS subreddit, posts, comments
        FROM author_subreddits AS edge JOIN authors AS author ON author.id = edge.author_id
        JOIN subreddits AS subreddit ON subreddit.id = edge.subreddit_id
        """)
    )
    return {(row.author, row.subreddit): (row.posts, row.comments) for row in rows}


def test_a_post_is_stored_with_its_author_its_subreddit_and_an_edge(conn: Connection) -> None:
    stored = store(conn, post("p1", title="Hello"))
    assert (stored.posts.inserted, stored.posts.updated) == (1, 0)
    row = one(conn, "SELECT * FROM posts")
    assert (row.id, row.title, row.score, row.created_at) == ("p1", "Hello", 10, CREATED)
    assert row.deleted_at is None
    assert edges(conn) == {("ada", "python"): (1, 0)}


def test_an_empty_page_stores_nothing(conn: Connection) -> None:
    before = tuples_written(conn)
    store(conn)
    assert tuples_written(conn) == before


def test_a_page_with_nothing_new_writes_no_tuple(conn: Connection) -> None:
    page = [*(post(f"p{n}") for n in range(100)), *(comment(f"c{n}") for n in range(100))]
    page.append(post("p100", author=Account("known by name alone")))
    store(conn, *page)
    before = tuples_written(conn)
    again = store(conn, *page)
    assert tuples_written(conn) == before
    assert (again.posts.inserted, again.comments.inserted) == (0, 0)


def test_a_page_with_nothing_new_neither_writes_nor_locks_a_row(database: Database) -> None:
    with database.begin() as conn:
        store(conn, post(), comment())
    with database.begin() as conn:
        store(conn, post(), comment())
        # Postgres assigns a number to a transaction before it writes or locks a row.
        assert one(conn, "SELECT pg_current_xact_id_if_assigned() AS xid").xid is None


def test_only_what_changed_on_a_page_is_written(conn: Connection) -> None:
    store(conn, *(post(f"p{n}") for n in range(50)))
    before = tuples_written(conn)
    stored = store(conn, *(post(f"p{n}", score=11 if n == 7 else 10) for n in range(50)))
    assert (stored.posts.inserted, stored.posts.updated) == (0, 1)
    assert tuples_written(conn) == before + 1
    assert one(conn, "SELECT score FROM posts WHERE id = 'p7'").score == 11


def test_an_item_seen_again_does_not_count_again_on_its_edge(conn: Connection) -> None:
    store(conn, post("p1"), comment("c1"))
    store(conn, post("p1", score=99), comment("c1", score=99), comment("c2"))
    assert edges(conn) == {("ada", "python"): (1, 0), ("bob", "python"): (0, 2)}


def test_an_edge_spans_from_the_first_item_to_the_last(conn: Connection) -> None:
    day = timedelta(days=1)
    store(conn, post("p2", created_at=CREATED))
    store(conn, post("p1", created_at=CREATED - day), post("p3", created_at=CREATED + day))
    edge = one(conn, "SELECT * FROM author_subreddits")
    assert (edge.posts, edge.first_at, edge.last_at) == (3, CREATED - day, CREATED + day)


def test_an_item_twice_on_a_page_is_stored_once_as_it_was_last(conn: Connection) -> None:
    stored = store(conn, post("p1", score=1), post("p1", score=2))
    assert stored.posts.inserted == 1
    assert one(conn, "SELECT score FROM posts").score == 2


def test_names_that_differ_in_case_are_one_author_and_one_subreddit(conn: Connection) -> None:
    store(conn, post("p1", author=Account("Ada"), subreddit="Python"))
    store(conn, post("p2", author=Account("ADA"), subreddit="PYTHON"))
    assert edges(conn) == {("Ada", "Python"): (2, 0)}


def test_an_authors_id_is_learned_later_and_not_forgotten(conn: Connection) -> None:
    for account in (Account("ada"), Account("ada", "t2_9"), Account("ada")):
        store(conn, post(author=account))
    assert one(conn, "SELECT reddit_id FROM authors").reddit_id == "t2_9"


def test_a_known_author_costs_no_number_of_the_sequence(conn: Connection) -> None:
    for n in range(5):
        store(conn, post(f"p{n}"))
    store(conn, post("p9", author=Account("next")))
    ids = [row.id for row in conn.execute(text("SELECT id FROM authors ORDER BY id"))]
    assert ids[1] - ids[0] == 1


def test_a_deleted_post_loses_its_author_and_content_but_keeps_its_place(
    conn: Connection,
) -> None:
    store(conn, post("p1"))
    store(conn, deleted_post("p1"))
    row = one(conn, "SELECT * FROM posts")
    assert (row.author_id, row.title, row.body, row.url, row.permalink) == (None,) * 5
    assert row.deleted_at is not None
    assert row.created_at == CREATED


def test_an_older_reply_does_not_bring_deleted_content_back(conn: Connection) -> None:
    store(conn, deleted_post("p1"), replace(comment("c1"), author=None, body=None, deleted=True))
    store(conn, post("p1"), comment("c1"))
    row = one(conn, "SELECT title, author_id FROM posts")
    assert (row.title, row.author_id) == (None, None)
    assert one(conn, "SELECT body FROM comments").body is None


@pytest.mark.parametrize(
    ("gone", "seen", "table"),
    [
        (deleted_post("p1"), post("p1"), "posts"),
        (replace(comment("p1"), author=None, body=None, deleted=True), comment("p1"), "comments"),
    ],
)
def test_what_is_stored_as_deleted_meanwhile_does_not_come_back(
    database: Database, gone: Any, seen: Any, table: str
) -> None:
    """Two crawls store the same page at the same time. The older reply is stored last."""
    # Both pages need these rows. They are stored first, so that only the item itself is contested.
    with database.begin() as conn:
        store(conn, post("known"), comment("known"))

    def store_late() -> None:
        with database.begin() as conn:
            store(conn, seen)

    late = threading.Thread(target=store_late)
    with database.begin() as conn:
        store(conn, gone)
        late.start()
        locks.wait_until_blocked(database)
    late.join(10)
    with database.begin() as conn:
        row = one(conn, f"SELECT body, deleted_at IS NULL FROM {table} WHERE id = 'p1'")
    assert tuple(row) == (None, False)


def test_when_a_post_was_seen_deleted_is_remembered(conn: Connection) -> None:
    store(conn, deleted_post("p1"))
    first = one(conn, "SELECT deleted_at FROM posts").deleted_at
    store(conn, deleted_post("p1", score=77))
    row = one(conn, "SELECT deleted_at, score FROM posts")
    assert (row.deleted_at, row.score) == (first, 77)


def test_a_comment_whose_author_is_gone_keeps_its_body_and_its_place(conn: Connection) -> None:
    store(conn, comment("c1"))
    store(conn, comment("c1", author=None))
    row = one(conn, "SELECT author_id, body, parent_id, deleted_at FROM comments")
    assert tuple(row) == (None, "A comment", "t3_p1", None)


def test_other_subreddits_of_a_page_become_known_as_discovered(conn: Connection) -> None:
    store(conn, post("p1"))
    home = one(conn, "SELECT id FROM subreddits").id
    store(
        conn,
        comment("c1", subreddit="rust"),
        known_subreddits={"python": home},
        discovered_from=home,
        depth=3,
    )
    row = one(conn, "SELECT discovered_from, depth, access FROM subreddits WHERE name = 'rust'")
    assert tuple(row) == (home, 3, "unknown")


def test_extreme_values_are_stored(conn: Connection) -> None:
    store(
        conn,
        post("zzzzzzzzzzzzz", score=-(2**63 - 1), num_comments=2**63 - 1, title="\U0001f9d1" * 999),
    )
    row = one(conn, "SELECT score, num_comments, char_length(title) AS title FROM posts")
    assert tuple(row) == (-(2**63 - 1), 2**63 - 1, 999)


def test_abouts_and_accounts_of_a_page_are_stored_too(conn: Connection) -> None:
    page = Items(subreddits=(crawled.about("rust"),), accounts=(Account("eve", "t2_5"),))
    crawled_items.store(conn, items=page, known_subreddits={})
    assert one(conn, "SELECT title FROM subreddits WHERE name = 'rust'").title == "Python"
    assert one(conn, "SELECT reddit_id FROM authors").reddit_id == "t2_5"


def test_a_page_of_100_posts_with_authors_and_edges_takes_three_statements(
    conn: Connection,
) -> None:
    store(conn, post("p0"))
    home = one(conn, "SELECT id FROM subreddits").id
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    event.listen(conn, "before_cursor_execute", note)
    posts = [post(f"q{n}", author=Account(f"author{n}")) for n in range(100)]
    store(conn, *posts, known_subreddits={"python": home})
    assert len(statements) <= 3


def test_pages_stored_at_once_in_any_order_neither_deadlock_nor_count_twice(
    database: Database,
) -> None:
    """Several workers store the same 60 items. Some of them store the items in reverse order."""
    page = [
        item
        for n in range(30)
        for item in (
            post(f"p{n}", author=Account(f"a{n % 7}"), subreddit=f"sub{n % 5}"),
            comment(f"c{n}", author=Account(f"a{n % 11}"), subreddit=f"sub{n % 3}"),
        )
    ]
    failures: list[Exception] = []

    def work(reverse: bool) -> None:
        try:
            with database.begin() as conn:  # without retries, so that a deadlock fails the test
                store(conn, *(reversed(page) if reverse else page))
        except Exception as error:  # noqa: BLE001 - the assertion at the end reports it
            failures.append(error)

    for _ in range(5):
        threads = [threading.Thread(target=work, args=(n % 2 == 0,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert failures == []
    with database.begin() as conn:
        total = one(conn, "SELECT sum(posts) AS posts, sum(comments) AS n FROM author_subreddits")
        assert tuple(total) == (30, 30)


def test_edited_is_kept_beside_its_time(conn: Connection) -> None:
    store(conn, post("p1", edited=True), comment("c1", edited=True, edited_at=CREATED), post("p2"))
    rows = conn.execute(
        text(
            "SELECT id, edited, edited_at FROM posts UNION ALL "
            "SELECT id, edited, edited_at FROM comments ORDER BY 1"
        )
    ).all()
    assert [tuple(row) for row in rows] == [
        ("c1", True, CREATED), ("p1", True, None), ("p2", False, None),
    ]  # fmt: skip


def test_an_old_item_whose_score_is_hidden_is_looked_at_once_more(conn: Connection) -> None:
    store(conn, post("p1", score=None), comment("c1", score=None), post("p2"), comment("c2"))
    due = "SELECT {} FROM {} WHERE refresh_due_at IS NOT NULL"
    for table, item in (("posts", "p1"), ("comments", "c1")):
        (row,) = conn.execute(text(due.format("id, refresh_due_at - now() AS left", table)))
        assert row.id == item
        assert timedelta(hours=35) < row.left < timedelta(hours=37)
    refreshes.settle(conn, names=["t3_p1", "t1_c1"])
    store(conn, post("p1", score=7), comment("c1", score=8))
    assert one(conn, "SELECT score, refresh_due_at FROM posts WHERE id = 'p1'") == (7, None)
    assert one(conn, "SELECT score, refresh_due_at FROM comments WHERE id = 'c1'") == (8, None)


def test_posts_and_comments_of_one_page_count_as_those_of_several(database: Database) -> None:
    """The page needs several statements of each kind, has few authors and is stored twice."""
    writers = [Account(name, f"t2_{number}") for number, name in enumerate(("ann", "bob", "cyd"))]
    posts = [
        crawled.post(
            f"p{n}", subreddit=f"sub{n % 2}", author=writers[n % 3], mentions=("rust",),
            crossposted_from="golang" if n % 5 == 0 else None,
            created_at=crawled.CREATED + timedelta(minutes=n),
        )
        for n in range(150)
    ]  # fmt: skip
    comments = [
        crawled.comment(
            f"c{n}", subreddit=f"sub{n % 2}", author=writers[n % 2], mentions=("rust", "zig"),
            created_at=crawled.CREATED - timedelta(minutes=n),
        )
        for n in range(120)
    ]  # fmt: skip

    def counted(conn: Connection) -> list[tuple[Any, ...]]:
        edges = """
            SELECT author.name, subreddit.name, posts, comments, first_at, last_at
            FROM author_subreddits JOIN authors AS author ON author.id = author_id
                JOIN subreddits AS subreddit ON subreddit.id = subreddit_id ORDER BY 1, 2"""
        found = """
            SELECT subreddit.name, evidence.name, mentions > 0, crossposts > 0
            FROM discovery_evidence AS evidence
                JOIN subreddits AS subreddit ON subreddit.id = found_in ORDER BY 1, 2"""
        return [tuple(row) for query in (edges, found) for row in conn.execute(text(query))]

    class Undo(Exception):
        pass

    results = []
    for pages in ([[*posts, *comments]], [[one] for one in [*posts, *comments]]):
        with pytest.raises(Undo), database.begin() as conn:
            for page in pages:
                crawled.store(conn, *page)
            once = counted(conn)
            crawled.store(conn, *posts[:20], *comments[:20])
            assert counted(conn) == once
            results.append(once)
            raise Undo
    assert results[0] == results[1]
    assert sum(row[2] for row in results[0][:6] if isinstance(row[2], int)) == 150
