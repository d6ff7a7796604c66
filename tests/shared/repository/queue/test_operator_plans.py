"""Lists and changes for operators use an index, for every filter and any number of rows."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from benchmarks import crowd
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import FINAL, LIVE, ErrorKind, JobSource, JobStatus
from crawljobs.domain.job_filter import JobFilter, JobSort
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_enqueue_sql, job_list, job_stats, operator_change_sql
from crawljobs.repository.queue.explained import job_explain
from crawljobs.repository.queue.maintenance import count_merging
from crawljobs.repository.queue.matching import job_matches
from crawljobs.repository.reddit_api import budget_overview
from support import plans
from support.databases import Databases

FINISHED = 40_000
BIG_TABLES = {"crawl_jobs", "crawl_job_attempts", "admin_audit_log", "subreddits"}
# The most storage pages that a list may read. A list without a filter reads its index, its jobs and
# their subreddits. A search that reads 10,000 jobs may read one more page for each job.
PAGE_PAGES, WALK_PAGES = 1_500, 12_000
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def crowded(databases: Databases) -> Iterator[Database]:
    with databases.clone() as url:
        crowd.fill(url, finished=FINISHED, live=2_000, subreddits=30_000)
        opened = Database(url)
        with opened.begin() as conn:
            _fill_audit_log(conn)
        yield opened
        opened.close()


def _fill_audit_log(conn: Connection) -> None:
    conn.exec_driver_sql("""
        INSERT INTO admin_audit_log (actor, action, resource_type, resource_id, request_id)
        SELECT 'robot-' || n %% 5, 'boost', 'crawl_job', n::text, 'r' || n
        FROM generate_series(1, 30000) AS n
        """)
    conn.exec_driver_sql("ANALYZE admin_audit_log")


FILTERS: dict[str, JobFilter] = {
    "all": JobFilter(),
    "live": JobFilter(statuses=LIVE),
    "final": JobFilter(statuses=FINAL),
    "failed": JobFilter(statuses=frozenset({JobStatus.FAILED})),
    "a subreddit": JobFilter(subreddit_id=7),
    "a schedule": JobFilter(scheduled_job_id=7),
    "a group": JobFilter(group_id=7),
    "an error": JobFilter(error_kind=ErrorKind.PERMANENT, error_text="page 50"),
    "nothing": JobFilter(error_text="no such text"),
    "sources and priorities": JobFilter(
        sources=frozenset({JobSource.STALE}), priority_min=10, priority_max=20
    ),
    "created then": JobFilter(
        created_after=NOW - timedelta(days=2), created_before=NOW - timedelta(days=1)
    ),
    "finished then": JobFilter(
        finished_after=NOW - timedelta(days=2), finished_before=NOW - timedelta(days=1)
    ),
    "a worker": JobFilter(worker="worker-1"),
}
CURSORS: dict[JobSort, list[Any]] = {
    sort: [50, NOW.isoformat(), 500]
    if sort is JobSort.CLAIM_ORDER
    else [(NOW - timedelta(days=3)).isoformat(), 500]
    for sort in JobSort
}


def planned(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, run: Any
) -> list[tuple[list[dict[str, Any]], int]]:
    """Return the generic plan of each statement that `run` executes, and the pages it reads."""
    executed: list[tuple[Any, dict[str, Any]]] = []
    execute = conn.execute

    def remember(statement: Any, values: Any = None) -> Any:
        executed.append((statement, dict(values or {})))
        return execute(statement, values)

    with monkeypatch.context() as patch:
        patch.setattr(conn, "execute", remember)
        run(conn)
    return [
        (plans.generic_plan(conn, statement, values), plans.pages_read(conn, statement, values))
        for statement, values in executed
    ]


@pytest.mark.parametrize(("name", "sort"), list(product(FILTERS, JobSort)))
def test_no_list_scans_a_table_or_reads_more_than_its_share(
    crowded: Database, monkeypatch: pytest.MonkeyPatch, name: str, sort: JobSort
) -> None:
    for after in (None, CURSORS[sort]):
        with crowded.begin() as conn:

            def run(conn: Connection, after: list[Any] | None = after) -> None:
                job_list.list_jobs(conn, filters=FILTERS[name], sort=sort, after=after)

            for plan, pages in planned(conn, monkeypatch, run):
                assert not BIG_TABLES & set(plans.tables_scanned(plan)), plan
                assert pages <= (PAGE_PAGES if name in ("all", "failed") else WALK_PAGES)


@pytest.mark.parametrize("name", FILTERS)
def test_no_count_of_matches_scans_a_table_or_reads_more_than_its_share(
    crowded: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with crowded.begin() as conn:

        def run(conn: Connection) -> None:
            job_matches.count_matches(conn, filters=FILTERS[name])

        for plan, pages in planned(conn, monkeypatch, run):
            assert not BIG_TABLES & set(plans.tables_scanned(plan)), plan
            assert pages <= len(JobStatus) * job_matches.SCAN_LIMIT


def test_the_causes_of_a_page_of_jobs_are_read_without_the_queue(
    crowded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crowded.begin() as conn:
        jobs = job_list.list_jobs(conn, filters=JobFilter(statuses=LIVE), limit=100).jobs
        ((plan, pages),) = planned(
            conn, monkeypatch, lambda conn: job_explain.causes_of(conn, jobs=jobs)
        )
    assert not BIG_TABLES & {node.get("Relation Name") for node in plan}
    assert pages <= 20 * len(jobs)


def test_neither_stats_nor_explanations_nor_budgets_scan_a_table(
    crowded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crowded.begin() as conn:
        (job, *_) = job_list.list_jobs(
            conn, filters=JobFilter(), sort=JobSort.CLAIM_ORDER, after=CURSORS[JobSort.CLAIM_ORDER]
        ).jobs
        told = [
            *planned(conn, monkeypatch, job_stats.queue_stats),
            *planned(conn, monkeypatch, lambda conn: job_explain.surroundings(conn, job=job)),
            *planned(conn, monkeypatch, budget_overview.count_waiting),
        ]
        assert len(told) >= 7
        for plan, _ in told:
            assert not BIG_TABLES & set(plans.tables_scanned(plan)), plan


def test_the_oldest_queued_job_is_found_without_reading_the_others(crowded: Database) -> None:
    with crowded.begin() as conn:
        read = plans.rows_read(conn, job_stats._OLDEST, {"now": None}, table="crawl_jobs")
    assert 1 <= read <= 2


AUDIT_FILTERS = [
    audit_log.AuditFilter(),
    audit_log.AuditFilter(actor="robot-1"),
    audit_log.AuditFilter(action="nothing"),
    audit_log.AuditFilter(resource_type="crawl_job", resource_id="77"),
    audit_log.AuditFilter(resource_id="77"),
    audit_log.AuditFilter(request_id="r77"),
    audit_log.AuditFilter(actor="robot-1", request_id="r77"),
    audit_log.AuditFilter(since=NOW - timedelta(days=1)),
    audit_log.AuditFilter(until=NOW - timedelta(days=1)),
]


@pytest.mark.parametrize("filters", AUDIT_FILTERS, ids=lambda one: "-".join(map(str, vars(one))))
def test_no_page_of_the_audit_log_scans_it(
    crowded: Database, monkeypatch: pytest.MonkeyPatch, filters: audit_log.AuditFilter
) -> None:
    for before_id in (None, 20_000):
        with crowded.begin() as conn:

            def run(conn: Connection, before_id: int | None = before_id) -> None:
                audit_log.list_entries(conn, filters=filters, before_id=before_id)

            for plan, _ in planned(conn, monkeypatch, run):
                assert not BIG_TABLES & set(plans.tables_scanned(plan)), plan


def test_no_page_of_subreddits_scans_them(
    crowded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crowded.begin() as conn:
        for plan, _ in planned(
            conn, monkeypatch, lambda conn: subreddit_admin.list_subreddits(conn, after="m")
        ):
            assert not BIG_TABLES & set(plans.tables_scanned(plan)), plan


def test_no_change_of_jobs_scans_them(crowded: Database) -> None:
    ids = list(range(1, 1001))
    values = {"ids": ids, "now": None, "points": 1, "at_most": 1000, "keys": ["crowd_1"]}
    values["new_traceparent"] = values["actor"] = None
    values["requests"] = json.dumps([{"names": ["crowd_1", "new"], "first": 0, "priority": 1}])
    statements = [
        operator_change_sql.LOCK,
        operator_change_sql.LIVE_JOBS_OF,
        *operator_change_sql.STATEMENTS.values(),
        count_merging._MERGE_COUNTS,
        job_enqueue_sql.ENQUEUE_WITH_JOBS.clause,
    ]
    for statement in statements:
        with crowded.begin() as conn:
            plan = plans.generic_plan(conn, statement, values)
            assert not BIG_TABLES & set(plans.tables_scanned(plan)), plan
