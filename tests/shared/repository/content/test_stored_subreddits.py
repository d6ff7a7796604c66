"""The stored facts about subreddits, and how far each subreddit was crawled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Account
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import (
    authors,
    crawl_history,
    discovery,
    discovery_candidates,
    stored_subreddits,
    subreddit_access,
)
from crawljobs.repository.content.crawl_history import Marks
from support import crawled, jobs
from support.crawled import comment, post, store, tuples_written

T0 = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def row_of(conn: Connection, name: str = "python") -> Any:
    query = "SELECT * FROM subreddits WHERE lower(name) = :name"
    return conn.execute(text(query), {"name": name}).one()


def known(conn: Connection, name: str = "python") -> int:
    return stored_subreddits.ensure(conn, names=[name], discovered_from=None, depth=0)[name]


def look(conn: Connection, subreddit_id: int, access: AccessState, now: datetime) -> timedelta:
    """Store the access state and return the time until the next crawl."""
    subreddit_access.record_access(conn, subreddit_id=subreddit_id, access=access, now=now)
    due = row_of(conn).next_crawl_at
    return timedelta(0) if due is None else due - now


def test_subreddits_that_are_held_are_stored_and_locked_until_the_transaction_ends(
    database: Database,
) -> None:
    with database.begin() as conn:
        known(conn, "python")
        known(conn, "rust")

    def locked() -> list[str]:
        with database.begin() as conn:
            free = text("SELECT id FROM subreddits FOR NO KEY UPDATE SKIP LOCKED")
            ids = conn.execute(free).scalars().all()
            names = text("SELECT name FROM subreddits WHERE id <> ALL (:ids) ORDER BY name")
            return list(conn.execute(names, {"ids": ids}).scalars())

    with database.begin() as conn:
        stored_subreddits.hold(conn, names=["Python", "new"], discovered_from=None, depth=2)
        assert row_of(conn, "new").depth == 2
        assert locked() == ["python"]  # other transactions do not see the new row yet
    assert locked() == []


def test_an_about_fills_the_row_of_a_subreddit_that_was_only_heard_of(conn: Connection) -> None:
    subreddit_id = known(conn)
    assert stored_subreddits.upsert(conn, abouts=[crawled.about("Python")], now=T0) == 1
    row = row_of(conn)
    assert (row.id, row.name, row.subscribers) == (subreddit_id, "Python", 100)
    assert (row.access, row.access_checked_at) == ("public", T0)


def test_an_about_that_tells_nothing_new_writes_nothing(conn: Connection) -> None:
    stored_subreddits.upsert(conn, abouts=[crawled.about()])
    before = tuples_written(conn)
    assert stored_subreddits.upsert(conn, abouts=[crawled.about()]) == 0
    assert tuples_written(conn) == before


def test_an_about_without_values_keeps_the_known_ones(conn: Connection) -> None:
    stored_subreddits.upsert(conn, abouts=[crawled.about(over_18=True)])
    before = row_of(conn)
    silent = crawled.about(
        reddit_id=None,
        title=None,
        description=None,
        subscribers=None,
        over_18=None,
        created_at=None,
        access=AccessState.RESTRICTED,
        has_type=False,
    )
    assert stored_subreddits.upsert(conn, abouts=[silent]) == 0
    assert row_of(conn) == before


def test_an_about_without_values_adds_a_row_with_defaults(conn: Connection) -> None:
    about = crawled.about(title=None, over_18=None, access=AccessState.RESTRICTED, has_type=False)
    assert stored_subreddits.upsert(conn, abouts=[about]) == 1
    row = row_of(conn)
    assert (row.title, row.over_18, row.access) == (None, False, "restricted")


def test_a_private_subreddit_is_looked_at_ever_more_rarely(conn: Connection) -> None:
    subreddit_id, now, waits = known(conn), T0, []
    for _ in range(6):
        waits.append(look(conn, subreddit_id, AccessState.PRIVATE, now))
        now += waits[-1]
    assert waits == [days * DAY for days in (7, 14, 28, 56, 90, 90)]


def test_another_state_of_access_starts_the_waiting_anew(conn: Connection) -> None:
    subreddit_id = known(conn)
    look(conn, subreddit_id, AccessState.PRIVATE, T0)
    assert look(conn, subreddit_id, AccessState.GATED, T0 + 7 * DAY) == 7 * DAY


def test_a_banned_subreddit_is_not_looked_at_again_by_itself(conn: Connection) -> None:
    subreddit_id = known(conn)
    look(conn, subreddit_id, AccessState.PRIVATE, T0)
    subreddit_access.record_access(conn, subreddit_id=subreddit_id, access=AccessState.BANNED)
    assert row_of(conn).next_crawl_at is None


@pytest.mark.parametrize("barred", [AccessState.PRIVATE, AccessState.GATED, AccessState.BANNED])
@pytest.mark.parametrize("is_live", [False, True])
def test_a_subreddit_that_is_seen_open_again_is_due_at_once(
    conn: Connection, barred: AccessState, is_live: bool
) -> None:
    """A subreddit with a live job is an exception, because its crawl sees the new state too."""
    subreddit_id = known(conn)
    for _ in range(5):
        look(conn, subreddit_id, barred, T0)
    waits_until = row_of(conn).next_crawl_at
    if is_live:
        jobs.enqueue(conn)
    seen_at = T0 + DAY
    stored_subreddits.upsert(conn, abouts=[crawled.about("Python")], now=seen_at)
    assert row_of(conn).next_crawl_at == (waits_until if is_live else seen_at)


def test_a_public_subreddit_keeps_its_next_visit_when_it_changes(conn: Connection) -> None:
    subreddit_id = known(conn)
    stored_subreddits.upsert(conn, abouts=[crawled.about("Python")], now=T0)
    visit = T0 + 3 * DAY
    crawl_history.finish_crawl(
        conn, subreddit_id=subreddit_id, marks=Marks(), next_crawl_at=visit, now=T0
    )
    stored_subreddits.upsert(conn, abouts=[crawled.about("PYTHON")], now=T0 + DAY)
    assert row_of(conn).next_crawl_at == visit


def test_the_end_of_a_crawl_sets_its_marks_and_keeps_the_others(conn: Connection) -> None:
    subreddit_id = known(conn)
    assert crawl_history.load_crawl_history(conn, subreddit_id=subreddit_id).marks == Marks()
    for marks in (Marks(post="abc", comment="xyz"), Marks(post="abd")):
        crawl_history.finish_crawl(conn, subreddit_id=subreddit_id, marks=marks, now=T0)
    marks = crawl_history.load_crawl_history(conn, subreddit_id=subreddit_id).marks
    assert marks == Marks(post="abd", comment="xyz")
    assert (row_of(conn).last_crawled_at, row_of(conn).gap_at) == (T0, None)


def test_a_crawl_with_a_gap_records_when_and_a_later_whole_one_keeps_that(conn: Connection) -> None:
    subreddit_id = known(conn)
    for gap, now in ((True, T0), (False, T0 + DAY)):
        crawl_history.finish_crawl(conn, subreddit_id=subreddit_id, marks=Marks(), gap=gap, now=now)
    assert row_of(conn).gap_at == T0


def test_what_somebody_asked_for_is_no_step_away_however_it_was_found(conn: Connection) -> None:
    (found,) = stored_subreddits.ensure(
        conn, names=["found"], discovered_from=None, depth=2
    ).values()
    depth = "SELECT depth FROM subreddits WHERE id = :id"
    for crawled_at, then in ((3, 2), (2, 2), (0, 0), (1, 0)):
        crawl_history.finish_crawl(conn, subreddit_id=found, marks=Marks(), depth=crawled_at)
        assert conn.execute(text(depth), {"id": found}).scalar_one() == then


def test_a_crawl_that_nothing_led_to_has_depth_0(conn: Connection) -> None:
    (found,) = stored_subreddits.ensure(
        conn, names=["found"], discovered_from=None, depth=2
    ).values()
    crawl_history.finish_crawl(conn, subreddit_id=found, marks=Marks())
    assert row_of(conn, "found").depth == 0


def test_the_end_of_a_crawl_starts_the_waits_for_a_private_subreddit_again(
    conn: Connection,
) -> None:
    subreddit_id = known(conn)
    assert [look(conn, subreddit_id, AccessState.PRIVATE, T0) for _ in range(2)] == [
        7 * DAY,
        14 * DAY,
    ]
    crawl_history.finish_crawl(conn, subreddit_id=subreddit_id, marks=Marks(), now=T0)
    assert look(conn, subreddit_id, AccessState.PRIVATE, T0) == 7 * DAY


def due(conn: Connection, subreddit_id: int, now: datetime, at_most: int = 10) -> list[str]:
    return authors.due_for_history(
        conn, subreddit_id=subreddit_id, every=30 * DAY, at_most=at_most, now=now
    )


def test_histories_are_due_of_the_most_active_authors_first(conn: Connection) -> None:
    home = known(conn)
    store(conn, post("p1", author=Account("quiet")))
    store(conn, *(comment(f"c{n}", author=Account("loud")) for n in range(3)))
    store(conn, comment("c9", author=Account("elsewhere"), subreddit="rust"))
    assert due(conn, home, T0) == ["loud", "quiet"]
    assert due(conn, home, T0, at_most=1) == ["loud"]


def test_a_history_that_was_read_is_due_again_after_30_days(conn: Connection) -> None:
    home = known(conn)
    store(conn, post())
    authors.mark_history_fetched(conn, name="ADA", now=T0)
    assert due(conn, home, T0 + 29 * DAY) == []
    assert due(conn, home, T0 + 31 * DAY) == ["ada"]


def test_after_a_crawl_only_newcomers_are_due(conn: Connection) -> None:
    home = known(conn)
    store(conn, post("p1", author=Account("old")))
    crawl_history.finish_crawl(conn, subreddit_id=home, marks=Marks())
    store(conn, post("p2", author=Account("old")), post("p3", author=Account("newcomer")))
    assert due(conn, home, T0) == ["newcomer"]


def candidates(conn: Connection, subreddit_id: int, at_most: int = 10) -> list[str]:
    """Return the candidates. Check that none may be crawled before Reddit was asked about it."""
    names = discovery_candidates.unchecked(conn, subreddit_id=subreddit_id, at_most=at_most)
    assert discovery_candidates.candidates(conn, subreddit_id=subreddit_id, at_most=at_most) == []
    conn.execute(text("SAVEPOINT before"))
    conn.execute(text("UPDATE subreddits SET access = 'public' WHERE access = 'unknown'"))
    assert discovery_candidates.unchecked(conn, subreddit_id=subreddit_id, at_most=at_most) == []
    found = discovery_candidates.candidates(conn, subreddit_id=subreddit_id, at_most=at_most)
    conn.execute(text("ROLLBACK TO SAVEPOINT before"))
    assert found == names
    return found


def test_neighbours_are_told_by_how_many_authors_they_share(conn: Connection) -> None:
    home = known(conn)
    for name in ("ada", "bob", "eve"):
        store(conn, post(f"p{name}", author=Account(name)))
        store(conn, comment(f"c{name}", author=Account(name), subreddit="near"))
    store(conn, comment("c4", author=Account("ada"), subreddit="far"))
    store(conn, comment("c5", author=Account("stranger"), subreddit="unrelated"))
    assert candidates(conn, home) == ["near", "far"]
    assert candidates(conn, home, at_most=1) == ["near"]


def test_what_was_crawled_waits_or_cannot_be_asked_for_is_no_candidate(conn: Connection) -> None:
    home = known(conn)
    names = ("crawled", "waiting", "banned", "u_ada", "reddit.com", "good")
    store(conn, post("p1"), *(comment(f"c{n}", author=Account("ada"), subreddit=s)
                              for n, s in enumerate(names)))  # fmt: skip
    crawl_history.finish_crawl(conn, subreddit_id=known(conn, "crawled"), marks=Marks())
    jobs.enqueue(conn, "waiting")
    subreddit_access.record_access(
        conn, subreddit_id=known(conn, "banned"), access=AccessState.BANNED, now=T0
    )
    assert candidates(conn, home) == ["good"]


def test_an_account_that_writes_everywhere_makes_nobody_a_neighbour(conn: Connection) -> None:
    home = known(conn)
    robot = Account("AutoModerator")
    store(conn, post("p1", author=robot), post("p2", author=robot, subreddit="anywhere"))
    assert candidates(conn, home) == []
    assert due(conn, home, T0) == []


def test_without_authors_there_are_no_neighbours(conn: Connection) -> None:
    assert candidates(conn, known(conn)) == []
    assert discovery.live_jobs(conn) == 0
