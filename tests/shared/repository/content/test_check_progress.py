"""The age of the oldest look at a stored item, and the share that the budget can check."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository import gauges
from crawljobs.repository.content.deletion_checks import check_progress, deletion_walk, item_scan
from crawljobs.repository.content.deletion_checks.check_progress import CheckProgress
from crawljobs.runtime.probes import content_gauges
from support import crawled, plans
from support.jobs import T0

DAY = timedelta(days=1)
MONTHLY = {"every": 30 * DAY, "share": 0.1}


def progress(conn: Connection, *, days: float) -> CheckProgress:
    found = check_progress.progress(conn, now=T0 + days * DAY)
    assert found is not None
    return found


def test_the_age_is_the_time_since_the_start_of_the_last_walk_that_ended(conn: Connection) -> None:
    crawled.store(conn, crawled.post("a"))
    conn.execute(text("UPDATE subreddits SET first_seen_at = :at"), {"at": T0})
    assert check_progress.progress(conn) is None
    assert deletion_walk.position(conn, now=T0 + DAY, **MONTHLY) is None
    assert progress(conn, days=29) == CheckProgress(30 * 86_400, 29 * 86_400, 1.0, None)
    began = T0 + 31 * DAY
    at = deletion_walk.position(conn, now=began, **MONTHLY)
    assert at is not None
    assert progress(conn, days=33) == CheckProgress(30 * 86_400, 33 * 86_400, 1.0, began)
    deletion_walk.advance(conn, item_scan.next_step(conn, before=at, at_most=1))
    assert progress(conn, days=33).unchecked_seconds == 33 * 86_400, "the walk has not ended"
    while at is not None:
        deletion_walk.advance(conn, item_scan.next_step(conn, before=at, at_most=100))
        at = deletion_walk.position(conn, now=T0 + 33 * DAY, **MONTHLY)
    assert progress(conn, days=33) == CheckProgress(30 * 86_400, 2 * 86_400, 1.0, None)
    assert progress(conn, days=1).unchecked_seconds == 0, "the clock was set back"
    deletion_walk.position(conn, every=None, share=0.1)
    assert check_progress.progress(conn) is None


@pytest.mark.parametrize(
    ("budgets", "share", "names"),
    [
        ([], 0.1, 2_880_000),
        ([(100, 60, 0)], 0.1, 2_880_000),
        ([(600, 600, 0), (600, 600, 0), (9_999, 1, 2)], 0.05, 1_728_000),
    ],
)
def test_the_share_follows_from_the_budget_and_the_number_of_items(
    conn: Connection, budgets: list[tuple[int, int, int]], share: float, names: int
) -> None:
    """A budget is (requests, seconds, days since the last use)."""
    for number, (requests, seconds, days) in enumerate(budgets):
        conn.execute(
            text("INSERT INTO reddit_budgets (client_id, requests_per_window, window_seconds, "
                 "next_slot_at) VALUES (:id, :requests, :seconds, "
                 "now() - make_interval(days => :days))"),
            {"id": f"c{number}", "requests": requests, "seconds": seconds, "days": days},
        )  # fmt: skip
    deletion_walk.position(conn, every=30 * DAY, share=share)
    for table, rows in (("posts", 4_000_000), ("comments", 6_000_000)):
        # The estimates of the server for a large table
        estimate = "UPDATE pg_class SET reltuples = :rows WHERE oid = to_regclass(:table)"
        conn.execute(text(estimate), {"rows": rows, "table": table})
    found = check_progress.progress(conn)
    assert found is not None
    assert found.share_in_48_hours == pytest.approx(names / 10_000_000)


def test_the_metrics_show_the_progress(conn: Connection) -> None:
    assert list(content_gauges.families(gauges.read_gauges(conn).content_checks)) == []
    deletion_walk.position(conn, **MONTHLY)
    found = gauges.read_gauges(conn).content_checks
    values = {family.name: family.samples[0].value for family in content_gauges.families(found)}
    assert 0 <= values.pop("crawl_content_unchecked_age_seconds") < 60
    assert values == {
        "crawl_content_check_interval_seconds": 30 * 86_400,
        "crawl_content_checkable_share": 1.0,
    }


def test_no_content_is_read(database: Database) -> None:
    with database.begin() as conn:
        deletion_walk.position(conn, **MONTHLY)
        values = {**check_progress._VALUES, "now": None}
        nodes = plans.generic_plan(conn, check_progress.PROGRESS, values)
    read = {node["Relation Name"] for node in nodes if "Relation Name" in node}
    assert read == {"deletion_walk", "reddit_budgets", "pg_class"}
