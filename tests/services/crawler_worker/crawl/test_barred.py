"""A subreddit without access is checked at growing intervals. Its schedules may be disabled."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawler_worker.reddit.exchange import transfer
from crawljobs.domain.actor import Actor
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import crawl_history, stored_subreddits, subreddit_access
from crawljobs.repository.operations import audit_log
from crawljobs.repository.schedules import schedule_disabling, schedule_reads
from support import jobs
from support import schedule_rows as rows
from support.crawls import Crawler, Transport

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def schedule(crawler: Crawler, name: str) -> int:
    with crawler.database.begin() as conn:
        return int(rows.make(conn, f"crawl {name}", subreddit=name, now=jobs.T0).id)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("banned_club", "banned"), ("missing_club", "not found"), ("legal_club", "legal")],
)
def test_the_schedule_of_a_subreddit_that_is_gone_is_disabled_with_an_audited_reason(
    crawler: Crawler, name: str, reason: str
) -> None:
    schedule_id, other = schedule(crawler, name), schedule(crawler, "python")
    crawler.crawl(name)
    with crawler.database.begin() as conn:
        disabled = schedule_reads.get_schedule(conn, schedule_id=schedule_id)
        assert disabled is not None
        assert (disabled.enabled, disabled.next_run_at) == (False, None)
        assert disabled.disabled_reason == f"r/{name} is {reason} at Reddit"
        entry, *others = audit_log.list_entries(conn).entries
        assert others == []
        assert entry.resource_id == str(schedule_id)
        assert (entry.actor, entry.action) == ("system:crawler-worker", "disable")
        assert entry.after == {"enabled": False, "disabled_reason": disabled.disabled_reason}
        kept = schedule_reads.get_schedule(conn, schedule_id=other)
        assert kept is not None
        assert kept.enabled


class Refusing(Transport):
    """Denies the pages of profiles. The sandbox answers what became of their accounts."""

    def send(self, request: transfer.Request) -> transfer.Exchange:
        if not request.path.startswith("/r/u_"):
            return super().send(request)
        self.paths.append(request.path)
        return transfer.Exchange(403, {}, b'{"reason": "private"}')


@pytest.mark.parametrize(
    ("account", "access", "looks"),
    [
        ("suspended_one", "suspended", 1),
        ("lurker_one", "private", 1),
        # One 404 of an account does not decide, so that the account is requested twice.
        ("nobody_at_all", "private", 2),
    ],
)
def test_a_profile_that_is_not_shown_may_be_that_of_a_suspended_account(
    crawler: Crawler, account: str, access: str, looks: int
) -> None:
    schedule_id = schedule(crawler, f"u_{account}")
    transport = Refusing()
    assert crawler.crawl(f"u_{account}", transport=transport) == access
    profile, user = f"/r/u_{account}/about", f"/user/{account}/about"
    assert transport.paths == [profile, profile, *[user] * looks]
    assert crawler.value("SELECT access FROM subreddits") == access
    is_enabled = crawler.value("SELECT enabled FROM scheduled_jobs WHERE id = :id", id=schedule_id)
    assert is_enabled == (access == "private")


def test_the_schedule_of_a_private_subreddit_goes_on(crawler: Crawler) -> None:
    schedule_id = schedule(crawler, "private_club")
    crawler.crawl("private_club")
    with crawler.database.begin() as conn:
        kept = schedule_reads.get_schedule(conn, schedule_id=schedule_id)
    assert kept is not None
    assert kept.enabled


def test_a_schedule_that_is_being_fired_is_left_to_the_next_crawl(crawler: Crawler) -> None:
    schedule(crawler, "banned_club")

    def bar() -> int:
        with crawler.database.begin() as conn:
            (subreddit_id,) = conn.execute(text("SELECT subreddit_id FROM scheduled_jobs")).one()
            return schedule_disabling.disable_schedules_of(
                conn, subreddit_id=subreddit_id, reason="banned", actor=Actor("me")
            )

    with crawler.database.begin() as firing:
        firing.execute(text("SELECT id FROM scheduled_jobs FOR UPDATE"))
        assert bar() == 0
    assert bar() == 1


def test_what_was_due_of_a_schedule_that_is_disabled_is_in_the_ledger(crawler: Crawler) -> None:
    schedule_id = schedule(crawler, "banned_club")
    with crawler.database.begin() as conn:
        made = schedule_reads.get_schedule(conn, schedule_id=schedule_id)
        assert made is not None
        first, subreddit_id = made.due_at(), made.subreddit_id
        schedule_disabling.disable_schedules_of(
            conn, subreddit_id=subreddit_id, reason="banned", actor=Actor("me"), now=first + HOUR
        )
        told = [(run["due_at"], run["outcome"]) for run in rows.ledger(conn)]
    assert told == [(first, "missed"), (first + HOUR, "missed")]


def test_looks_at_a_barred_subreddit_are_7_days_apart_doubling_to_90(crawler: Crawler) -> None:
    days = []
    with crawler.database.begin() as conn:
        (subreddit_id,) = stored_subreddits.ensure(
            conn, names=["club"], discovered_from=None, depth=0
        ).values()
        now = jobs.T0
        for access in [AccessState.PRIVATE] * 6 + [AccessState.GATED] * 2:
            subreddit_access.record_access(conn, subreddit_id=subreddit_id, access=access, now=now)
            next_at = conn.execute(text("SELECT next_crawl_at FROM subreddits")).scalar_one()
            days.append((next_at - now) / DAY)
            # A late check does not make the next interval longer.
            now = next_at + 3 * DAY
    assert days == [7, 14, 28, 56, 90, 90, 7, 14]


def test_a_subreddit_that_lets_us_in_again_starts_over(crawler: Crawler) -> None:
    for outcome in ("private", "private", "crawled", "private"):
        with crawler.database.begin() as conn:
            ids = stored_subreddits.ensure(conn, names=["club"], discovered_from=None, depth=0)
            if outcome == "crawled":
                crawl_history.finish_crawl(
                    conn, subreddit_id=ids["club"], marks=crawl_history.Marks(), now=jobs.T0
                )
            else:
                subreddit_access.record_access(
                    conn, subreddit_id=ids["club"], access=AccessState(outcome), now=jobs.T0
                )
    (row,) = crawler.rows("SELECT next_crawl_at, looks_in_vain FROM subreddits")
    assert (row.next_crawl_at - jobs.T0, row.looks_in_vain) == (7 * DAY, 1)
