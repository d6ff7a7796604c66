"""A row that refuses every change is logged and skipped. The sweep changes all other rows."""

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.claims.claiming import Claiming
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.lease_keeper import LeaseKeeper
from crawler_worker.maintenance.revisiting import Revisiting
from crawler_worker.maintenance.sweeps import Maintenance
from crawljobs import settings
from crawljobs.db.database import Connection, Database
from crawljobs.db.direct import DirectConnection
from crawljobs.repository.queue import job_claim
from crawljobs.repository.queue.maintenance import row_isolation
from crawljobs.repository.queue.maintenance.row_isolation import RowIsolation
from crawljobs.repository.reddit_api import reddit_tokens, token_turns
from support import jobs, schedule_rows
from support.refusing_rows import refuse
from support.waiting import wait_until

ROWS = 5
BAD = 2  # the id of the row that refuses changes; other rows come before and after
AHEAD = "now() + interval '400 days'"
SOON = "now() + interval '300 days'"


@dataclass(frozen=True)
class Case:
    """A sweep and its table. `seed` makes the rows due, and `swept` is true for a swept row."""

    table: str
    seed: str
    swept: str
    run: str = "requeue"
    key: str = "id"


WAITING = "UPDATE crawl_jobs SET status = 'waiting', "
CASES = {
    "requeue": Case(
        "crawl_jobs",
        WAITING + "wait_reason = 'retry', visible_at = now() - id * interval '1 minute'",
        "status = 'queued'",
    ),
    "park": Case(
        "crawl_jobs",
        """INSERT INTO queue_pauses (scope, reason, paused_by)
           SELECT subreddit_id, 'x', 'y' FROM crawl_jobs""",
        "wait_reason = 'paused'",
    ),
    "settle": Case(
        "crawl_jobs",
        WAITING + "wait_reason = 'paused', visible_at = now() + interval '50 s'",
        "status = 'queued'",
    ),
    "rescue": Case(
        "crawl_jobs",
        "UPDATE crawl_jobs SET lease_expires_at = now() - interval '1 hour'",
        "status = 'queued'",
        "rescue",
    ),
    "age": Case(
        "crawl_jobs",
        "UPDATE crawl_jobs SET queued_at = now() - id * interval '1 day'",
        "priority > base_priority",
        "age",
    ),
    "prune jobs": Case(
        "crawl_jobs",
        """UPDATE crawl_jobs SET status = 'cancelled', created_at = now() - interval '99 days',
           finished_at = now() - interval '99 days'""",
        "",
        "prune",
    ),
    "prune runs": Case(
        "scheduled_job_runs",
        """INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, fired_at, outcome)
           SELECT (SELECT min(id) FROM scheduled_jobs), at, at, 'missed'
           FROM (SELECT now() - n * interval '99 days' FROM generate_series(1, 5) n) run (at)""",
        "",
        "prune",
    ),
    "prune keys": Case(
        "idempotency_keys",
        """INSERT INTO idempotency_keys (scope, key, request_hash, status, headers, created_at)
           SELECT 'jobs', n, decode(repeat('00', 32), 'hex'), 200, '{}', now() - interval '9 days'
           FROM generate_series(1, 5) n""",
        "",
        "prune",
        "key",
    ),
    "prune instances": Case(
        "service_instances",
        """INSERT INTO service_instances (name, role, version, details, seen_at)
           SELECT n, 'crawler-worker', '1', '{}', now() - interval '9 days'
           FROM generate_series(1, 5) n""",
        "",
        "prune",
        "name",
    ),
    "mend backoffs": Case(
        "crawl_jobs",
        WAITING + f"wait_reason = 'retry', visible_at = {AHEAD} + id * interval '1 s'",
        f"visible_at < {SOON}",
        "mend",
    ),
    "mend queued": Case(
        "crawl_jobs", f"UPDATE crawl_jobs SET queued_at = {AHEAD}", f"queued_at < {SOON}", "mend"
    ),
    "mend leases": Case(
        "crawl_jobs",
        f"UPDATE crawl_jobs SET progress_at = {AHEAD}, lease_expires_at = {AHEAD}",
        f"progress_at < {SOON}",
        "mend",
    ),
    "mend last crawled": Case(
        "subreddits",
        f"UPDATE subreddits SET last_crawled_at = {AHEAD} + id * interval '1 s'",
        f"last_crawled_at < {SOON}",
        "mend",
    ),
    "mend next crawl": Case(
        "subreddits",
        f"UPDATE subreddits SET next_crawl_at = {AHEAD} + id * interval '1 s'",
        f"next_crawl_at < {SOON}",
        "mend",
    ),
    "mend instances": Case(
        "service_instances",
        f"""INSERT INTO service_instances (name, role, version, details, seen_at)
            SELECT n, 'crawler-worker', '1', '{{}}', {AHEAD} FROM generate_series(1, 5) n""",
        f"seen_at < {SOON}",
        "mend",
        "name",
    ),
    "due": Case(
        "subreddits",
        "DELETE FROM crawl_jobs; UPDATE subreddits SET next_crawl_at = now() - interval '1 day'",
        "next_crawl_at > now()",
        "check_due",
    ),
}


@dataclass
class Sweeps:
    maintenance: Maintenance
    revisiting: Revisiting

    def run(self, name: str) -> None:
        owner = self.revisiting if name.startswith("check_") else self.maintenance
        getattr(owner, name)()


@pytest.fixture
def sweeps(database: Database) -> Sweeps:
    queue = settings.read_queue_settings({"LEASE_SECONDS": "1"})
    again = Revisiting(database, settings.read_revisit_settings({}), max_retries=3)
    return Sweeps(Maintenance(database, queue), again)


def keys(conn: Connection, case: Case, where: str = "true") -> list[str]:
    found = conn.execute(
        text(f"SELECT CAST({case.key} AS text) FROM {case.table} WHERE {where} ORDER BY 1")
    )
    return list(found.scalars())


@pytest.mark.parametrize("name", CASES)
def test_the_other_rows_are_swept_and_the_bad_one_is_reported_once(
    database: Database, sweeps: Sweeps, name: str
) -> None:
    case = CASES[name]
    with database.begin() as conn:
        schedule_rows.create(conn, subreddit="scheduled")
        conn.execute(text("DELETE FROM subreddits WHERE name <> 'scheduled'"))
        for number in range(ROWS):
            jobs.enqueue(conn, f"sub_{number}", now=None)
        if name in ("rescue", "mend leases"):
            job_claim.claim_jobs(
                conn, worker="gone", claim_token=uuid.uuid4(), at_most=ROWS, lease_seconds=30
            )
        conn.execute(text(case.seed))
        all_keys = keys(conn, case)
        bad = all_keys[BAD]
        refuse(conn, case.table, bad, key=case.key)

    def left() -> list[str]:
        sweeps.run(case.run)
        with database.begin() as conn:
            conn.execute(text("UPDATE maintenance_runs SET last_run_at = now() - interval '1 day'"))
            return keys(conn, case, f"NOT coalesce({case.swept}, false)" if case.swept else "true")

    with structlog.testing.capture_logs() as lines:
        wait_until(lambda: left() == [bad], timeout=20, describe=lambda: (left(), bad))
        for _ in range(3):
            sweeps.run(case.run)
    reports = [line for line in lines if line["event"] == "maintenance.row_passed_over"]
    assert len(reports) == 1
    failed = [line for line in lines if line["event"] in ("maintenance.failed", "prune.failed")]
    assert failed == []


def test_jobs_that_refuse_to_be_claimed_leave_the_others_to_be_claimed(database: Database) -> None:
    with database.begin() as conn:
        ids = [jobs.enqueue(conn, f"sub_{number}", now=None) for number in range(6)]
        refuse(conn, "crawl_jobs", ids[0], ids[1], ids[3])
    claiming = Claiming(database, worker="w", lease_seconds=30)
    claimed: list[int] = []

    def all_claimed() -> bool:
        claimed.extend(claim.job_id for claim in claiming.claim(2)[1])
        return len(claimed) == 3

    with structlog.testing.capture_logs() as lines:
        wait_until(all_claimed, timeout=20, describe=lambda: claimed)
        assert claiming.claim(2)[1] == []
    assert claimed == [ids[2], ids[4], ids[5]]
    passed_over = [line for line in lines if line["event"] == "claim.passed_over"]
    assert 1 <= len(passed_over) <= 6
    with database.begin() as conn:
        conn.execute(text("DROP TRIGGER refuse ON crawl_jobs"))
    claiming._reset_skip_at = 0.0
    assert [claim.job_id for claim in claiming.claim(5)[1]] == [ids[0], ids[1], ids[3]]


def test_a_job_that_refuses_its_extension_costs_the_other_claims_no_lease(
    database: Database, database_url: str
) -> None:
    with database.begin() as conn:
        held = [
            HeldClaim(
                jobs.crawling(conn, f"sub_{number}", now=None), requested_at=0, lease_seconds=30
            )
            for number in range(3)
        ]
        conn.execute(text("UPDATE crawl_jobs SET lease_expires_at = '2001-01-01'"))
        bad = held[1].claim.job_id
        refuse(conn, "crawl_jobs", bad)
    keeper = LeaseKeeper(database_url, worker="w", lease_seconds=30, on_work=lambda: None)
    direct = DirectConnection(database_url, application_name="test", deadline_seconds=10)
    with contextlib.closing(direct), structlog.testing.capture_logs() as lines:
        assert keeper._extend(direct, held) == []
    assert [line["job_id"] for line in lines] == [bad]
    with database.begin() as conn:
        late = conn.execute(text("SELECT id FROM crawl_jobs WHERE lease_expires_at < now()"))
        assert list(late.scalars()) == [bad]


def test_a_job_that_refuses_to_be_freed_keeps_neither_a_token_nor_the_others(
    database: Database, sweeps: Sweeps
) -> None:
    with database.begin() as conn:
        ids = [jobs.enqueue(conn, f"sub_{number}", now=None) for number in range(3)]
        conn.execute(text(WAITING + "wait_reason = 'outage', visible_at = now() + interval '50 s'"))
        refuse(conn, "crawl_jobs", ids[1])
        assert token_turns.take_turn(
            conn, client_id="c", refused=None, early_seconds=60, turn_seconds=75
        )
    database.run(lambda conn: reddit_tokens.keep(conn, client_id="c", token="t", lives=3600))
    with database.begin() as conn:
        assert reddit_tokens.read_token(conn, client_id="c").token == "t"
        conn.execute(
            text("UPDATE crawl_jobs SET visible_at = now() WHERE id <> :id"), {"id": ids[1]}
        )

    def queued() -> list[int]:
        with structlog.testing.capture_logs():
            sweeps.run("requeue")
        with database.begin() as conn:
            found = conn.execute(
                text("SELECT id FROM crawl_jobs WHERE status = 'queued' ORDER BY 1")
            )
            return list(found.scalars())

    wait_until(lambda: queued() == [ids[0], ids[2]], timeout=20, describe=queued)


def numbers(database: Database) -> Callable[[], list[int]]:
    def read() -> list[int]:
        with database.begin() as conn:
            return list(
                conn.execute(text("SELECT n FROM numbers WHERE is_new ORDER BY n")).scalars()
            )

    return read


def take(conn: Connection, *, at_most: int, skip: int) -> int:
    return conn.execute(
        text("""
            UPDATE numbers SET is_new = false WHERE n = ANY (ARRAY(
                SELECT n FROM numbers WHERE is_new ORDER BY n LIMIT :at_most OFFSET :skip))
            """),
        {"at_most": at_most, "skip": skip},
    ).rowcount


@pytest.fixture
def left(database: Database) -> Callable[[], list[int]]:
    with database.begin() as conn:
        conn.execute(text("""
            CREATE TABLE numbers (n int PRIMARY KEY, is_new boolean);
            INSERT INTO numbers SELECT n, true FROM generate_series(1, 3000) n
            """))  # fmt: skip
    return numbers(database)


@pytest.mark.parametrize(
    "bad", [[1], [3000], [1, 2, 3], [500, 501, 1500], [1000, 1001, 2999], list(range(100, 130))]
)
def test_bad_rows_anywhere_are_passed_over(
    database: Database, left: Callable[[], list[int]], bad: list[int]
) -> None:
    with database.begin() as conn:
        refuse(conn, "numbers", *bad, key="n")
    isolation = RowIsolation(database, task="t", at_most=1000)
    assert isolation.run(take) == 3000 - len(bad)
    assert left() == bad
    # The old object still skips the repaired rows and changes the new row. A new object changes
    # all.
    with database.begin() as conn:
        conn.execute(text("DROP TRIGGER refuse ON numbers"))
        conn.execute(text("INSERT INTO numbers VALUES (5000, true)"))
    assert isolation.run(take) == 1
    again = RowIsolation(database, task="t", at_most=1000)
    assert again.run(take) == len(bad)
    assert left() == []


def test_rows_that_were_passed_over_are_tried_again_after_a_while(
    database: Database, left: Callable[[], list[int]]
) -> None:
    now = 0.0
    with database.begin() as conn:
        refuse(conn, "numbers", 7, key="n")
    isolation = RowIsolation(database, task="t", at_most=1000, clock=lambda: now)
    assert isolation.run(take) == 2999
    with database.begin() as conn:
        conn.execute(text("DROP TRIGGER refuse ON numbers"))
    assert isolation.run(take) == 0
    now += row_isolation.RETRY_SKIPPED_SECONDS
    assert isolation.run(take) == 1


def test_when_every_row_fails_the_rows_are_not_at_fault(
    database: Database, left: Callable[[], list[int]]
) -> None:
    with database.begin() as conn:
        conn.execute(text("ALTER TABLE numbers ADD CHECK (is_new)"))
    calls = 0

    def counted(conn: Connection, *, at_most: int, skip: int) -> int:
        nonlocal calls
        calls += 1
        return take(conn, at_most=at_most, skip=skip)

    isolation = RowIsolation(database, task="t", at_most=1000)
    with structlog.testing.capture_logs(), pytest.raises(Exception, match="violates"):
        isolation.run(counted)
    assert calls < 100
    assert len(left()) == 3000


def test_an_error_that_no_row_causes_is_raised_at_once(database: Database) -> None:
    def fail(conn: Connection, *, at_most: int, skip: int) -> int:
        return conn.execute(text("SELECT no_such_column")).rowcount

    with pytest.raises(Exception, match="no_such_column"):
        RowIsolation(database, task="t", at_most=1000).run(fail)
