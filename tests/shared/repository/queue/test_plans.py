"""Frequent statements use their index even with a generic plan and outdated table statistics."""

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import ClauseElement, TextClause, UpdateBase, text
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from crawljobs.db.database import Connection, Database
from crawljobs.db.driver_statement import DriverStatement
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import JobSource
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.operations import record_pruning, task_turns
from crawljobs.repository.operations.record_pruning import Records
from crawljobs.repository.queue import (
    enqueue_asks,
    job_claim,
    job_completion,
    job_completion_sql,
    job_enqueue_sql,
    leases,
    parked_jobs,
)
from crawljobs.repository.queue.maintenance import (
    clock_setbacks,
    job_aging,
    job_maintenance,
    job_pruning,
    pause_parking,
)
from crawljobs.repository.schedules import schedule_setbacks
from support import history_rows, plans, service_statements
from support.jobs import T0

DEAD_TUPLES = 100_000

RETRY = RetryPolicy()


@pytest.fixture(scope="module")
def crowded(databases: Any) -> Iterator[Database]:
    """Yield few live jobs among finished jobs and dead rows. The statistics show an empty table."""
    with databases.clone() as url:
        opened = Database(url)
        with opened.begin() as conn:
            conn.execute(text("ALTER TABLE crawl_jobs SET (autovacuum_enabled = off)"))
            conn.execute(text("ANALYZE crawl_jobs"))
            conn.execute(
                text(
                    "INSERT INTO subreddits (name) "
                    "SELECT 'sub_' || n FROM generate_series(1, :n) AS n"
                ),
                {"n": DEAD_TUPLES},
            )
            conn.execute(
                text(
                    "INSERT INTO operations (kind, resource_type, resource_id, created_by, total, "
                    "state, finished_at) SELECT 'cancel_group', 'job_group', n, 'ada', 1, "
                    "'succeeded', now() FROM generate_series(1, 5000) AS n"
                )
            )
            conn.execute(
                text(
                    "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source)"
                    " SELECT id, 'queued', 5, 5, 'user' FROM subreddits"
                )
            )
            for history in (
                "post_scores (post_id, seen_at) SELECT 'p' || id",
                "subreddit_counts (subreddit_id, seen_at) SELECT id",
            ):
                conn.exec_driver_sql(f"INSERT INTO {history}, now() FROM subreddits LIMIT 5000")
            history_rows.fill(conn, minutes=5000)
            conn.exec_driver_sql(
                "INSERT INTO idempotency_keys (scope, key, request_hash, status, headers) "
                "SELECT 'jobs', n::text, decode(repeat('00', 32), 'hex'), 200, '{}' "
                "FROM generate_series(1, 5000) AS n"
            )
            conn.execute(
                text(
                    "UPDATE crawl_jobs SET status = 'succeeded', finished_at = now() "
                    "WHERE id % 1000 <> 0"
                )
            )
        yield opened
        opened.close()


@pytest.fixture
def in_crowd(crowded: Database) -> Iterator[Connection]:
    """Yield a connection to the crowded database. Its changes are rolled back."""
    with crowded.begin() as conn:
        yield conn
        conn.rollback()


TOKEN = uuid.UUID(int=7)
GUARD = {"job_id": 1000, "claim_token": TOKEN, "now": None}
MINUTE = timedelta(minutes=1)
CLAIMS = {"ids": [1000], "tokens": [TOKEN]}
END = {
    "outcome": ["crawled"],
    "delay": [MINUTE],
    "wait_reason": ["outage"],
    "error_kind": ["permanent"],
    "error_message": ["no"],
}
CHUNK: dict[str, Any] = {"at_most": 1000, "scan_limit": 1000, "now": None}
ENQUEUED = {
    "requests": enqueue_asks.as_json(
        enqueue_asks.of_requests([EnqueueRequest(["sub_1", "other"], 1, JobSource.USER)])
    ),
    "now": None,
}
RETRIES = {"base": RETRY.base_seconds, "jitter": RETRY.jitter, "cap": 86400.0}
PRUNED_BY = {
    Records.KEYS: "idempotency_keys_created_at_idx",
    Records.INSTANCES: "service_instances_seen_at_idx",
    Records.OPERATIONS: "operations_finished_idx",
    Records.SCORES: "post_scores_seen_at_idx",
    Records.COUNTS: "subreddit_counts_seen_at_idx",
    Records.QUEUE_MINUTES: "queue_history_pkey",
    Records.QUEUE_HOURS: "queue_history_pkey",
    Records.BUDGET_MINUTES: "budget_history_at_idx",
    Records.BUDGET_HOURS: "budget_history_at_idx",
    Records.WEBHOOK_MINUTES: "webhook_history_at_idx",
    Records.WEBHOOK_HOURS: "webhook_history_at_idx",
}
MENDED_BY = {
    "reddit_budgets": None,
    "reddit_tokens": None,
    "backoffs": "crawl_jobs_due_idx",
    "follow_ups": "crawl_jobs_due_idx",
    "queued": "crawl_jobs_at_ceiling_idx",
    "leases": "crawl_jobs_crawling_idx",
    "last_crawled_at": "subreddits_last_crawled_at_idx",
    "next_crawl_at": "subreddits_next_crawl_at_idx",
    "service_instances": "service_instances_seen_at_idx",
    "operations": "operations_due_idx",
}
STATEMENTS: dict[str, tuple[ClauseElement, dict[str, Any], str | None]] = {
    "claim": (
        job_claim._CLAIM.clause,
        {"worker": "w", "claim_token": TOKEN, "lease": MINUTE, "now": None, "at_most": 10},
        "crawl_jobs_claim_idx",
    ),
    "claims_of": (
        job_claim._CLAIMED_BY_TOKEN,
        {"claim_token": TOKEN},
        "crawl_jobs_crawling_idx",
    ),
    **{
        name.lower(): (getattr(job_enqueue_sql, name).clause, ENQUEUED, index)
        for name, index in (
            ("ENQUEUE", "subreddits_name_key"),
            ("ENQUEUE_STORED", "crawl_jobs_claim_idx"),
            ("ENQUEUE_WITH_JOBS", "crawl_jobs_live_key"),
        )
    },
    "extend": (
        leases._EXTEND,
        {"ids": [1000], "tokens": [TOKEN], "lease": MINUTE, "now": None},
        None,
    ),
    "save_checkpoint": (
        leases._SAVE_CHECKPOINT,
        {**GUARD, "checkpoint": "{}", "incomplete": False},
        None,
    ),
    "ended_as": (
        job_completion_sql.RECORDED_OUTCOME,
        {"job_id": 1000, "claimed_at": T0},
        "crawl_job_attempts_job_id_idx",
    ),
    "still_ours": (job_completion_sql.STILL_HELD, CLAIMS, None),
    **{
        name: (statement.clause, {**CLAIMS, **END, "now": None}, None)
        for ending in job_completion_sql.COMPLETION_STATEMENTS
        for name, statement in service_statements.forms_of(ending)
    },
    "requeue": (job_maintenance._REQUEUE, CHUNK, "crawl_jobs_due_idx"),
    "park": (pause_parking._PARK, {"scope": None, **CHUNK}, "crawl_jobs_live_key"),
    "forget_pauses": (pause_parking._FORGET_ENDED, CHUNK, None),
    "settle": (parked_jobs._SETTLE, CHUNK, "crawl_jobs_parked_idx"),
    "settle_of_subreddit": (
        parked_jobs._OF_SUBREDDIT,
        {"subreddit_id": 1000, "now": None},
        "crawl_jobs_live_key",
    ),
    "settle_polite": (
        parked_jobs._BY_POLITENESS,
        {"subreddit_id": 1000, "now": None},
        "crawl_jobs_live_key",
    ),
    "free_from_reddit": (parked_jobs._FREE_FROM_REDDIT, CHUNK, "crawl_jobs_parked_idx"),
    "without_cause": (
        parked_jobs._WITHOUT_CAUSE,
        {"grace": MINUTE, "scan_limit": 1000, "now": None},
        "crawl_jobs_parked_idx",
    ),
    "rescue": (
        job_maintenance._RESCUE,
        {
            "lease": MINUTE,
            "reset_after": MINUTE,
            "base": RETRY.base_seconds,
            "jitter": RETRY.jitter,
            "cap": 86400.0,
            **CHUNK,
        },
        "crawl_jobs_crawling_idx",
    ),
    "age": (
        job_aging._AGE,
        {
            "after": MINUTE,
            "every": MINUTE,
            "step": 10,
            "last_queued_at": None,
            "last_id": None,
            **CHUNK,
        },
        "crawl_jobs_climbing_idx",
    ),
    "prune": (job_pruning._PRUNE, {"retention": MINUTE, **CHUNK}, "crawl_jobs_ended_idx"),
    **{
        f"prune_{records.name.lower()}": (
            statement,
            {"retention": MINUTE, **CHUNK},
            PRUNED_BY[records],
        )
        for records, statement in record_pruning._PRUNE.items()
    },
    "take_turn": (
        task_turns._TAKE_TURN,
        {"task": "prune", "every": MINUTE, "hold": MINUTE, "now": None},
        None,
    ),
    **{
        f"mend_{what}": (statement, {**RETRIES, **CHUNK}, MENDED_BY[what])
        for what, statement in clock_setbacks.MENDS.items()
    },
    "mend_next_runs": (schedule_setbacks._AHEAD, CHUNK, "scheduled_jobs_due_idx"),
    "end_turn": (task_turns._END_TURN, {"ended": "prune", "pause": MINUTE, "now": None}, None),
}


def test_every_statement_of_the_hot_path_and_the_sweeps_is_looked_at() -> None:
    scanned = {id(statement) for statement, _, _ in STATEMENTS.values()}
    modules = (
        leases,
        job_completion,
        job_completion_sql,
        job_claim,
        job_enqueue_sql,
        job_aging,
        job_maintenance,
        job_pruning,
        task_turns,
        parked_jobs,
    )
    named = {
        f"{module.__name__}.{name}": getattr(statement, "clause", statement)
        for module in modules
        for name, statement in vars(module).items()
        if isinstance(statement, TextClause | UpdateBase | DriverStatement)
    }
    assert [name for name, one in named.items() if id(one) not in scanned] == []


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_statement_of_the_hot_path_or_the_sweeps_scans_a_table(
    crowded: Database, name: str
) -> None:
    statement, values, index = STATEMENTS[name]
    with crowded.begin() as conn:
        found = plans.generic_plan(conn, statement, values)
    # Small tables: two have a row for each client id. Few pauses are in force, and all are needed.
    few = {"reddit_budgets", "reddit_tokens"} | (
        {"queue_pauses"} if name in ("park", "forget_pauses") else set()
    )
    assert set(plans.tables_scanned(found)) <= few
    if index is not None:
        assert index in {node.get("Index Name") for node in found}


@pytest.mark.parametrize("name", ["enqueue", "enqueue_stored", "enqueue_with_jobs"])
def test_the_cost_of_an_enqueue_is_linear_in_its_names(crowded: Database, name: str) -> None:
    """The plan of a join must not read all names again for each name."""
    statement, values, _ = STATEMENTS[name]
    with crowded.begin() as conn:
        found = plans.generic_plan(conn, statement, values)
    loops = [node for node in found if node["Node Type"] == "Nested Loop"]
    again = [loop["Plans"][1]["Node Type"] for loop in loops]
    assert not {"CTE Scan", "Materialize"}.intersection(again), again


def test_an_enqueue_that_returns_jobs_finds_their_follow_ups_by_an_index(crowded: Database) -> None:
    statement, values, _ = STATEMENTS["enqueue_with_jobs"]
    with crowded.begin() as conn:
        found = plans.generic_plan(conn, statement, values)
    conditions = {node.get("Index Name"): node.get("Index Cond", "") for node in found}
    assert "follow_up_of" in conditions.get("crawl_jobs_follow_up_of_idx", "")
    assert not [node for node in found if "follow_up_of" in node.get("Filter", "")]


@pytest.mark.parametrize("name", ["claim", "complete", "fail", "schedule_retry", "defer", "age"])
def test_changing_many_jobs_touches_what_the_generated_column_is_made_of(name: str) -> None:
    """Without a source column, an update parses the generated column's expression for each row."""
    assert re.search(r"(SET|,)\s+(wait_reason|visible_at) =", str(STATEMENTS[name][0]))


def test_a_claim_walks_its_index_and_never_sorts(crowded: Database) -> None:
    statement, values, _ = STATEMENTS["claim"]
    with crowded.begin() as conn:
        found = plans.generic_plan(conn, statement, values)
    assert not [node for node in found if "Sort" in node["Node Type"]]
    (scan,) = [node for node in found if node.get("Index Name") == "crawl_jobs_claim_idx"]
    assert scan["Node Type"] == "Index Scan"


def test_pruning_walks_its_index_and_never_sorts(crowded: Database) -> None:
    statement, values, _ = STATEMENTS["prune"]
    with crowded.begin() as conn:
        found = plans.generic_plan(conn, statement, values)
    assert not [node for node in found if "Sort" in node["Node Type"]]


def test_a_claim_reads_only_the_jobs_that_it_takes(in_crowd: Connection) -> None:
    statement, values, _ = STATEMENTS["claim"]
    # Some jobs get a better priority than the other jobs, but cannot be claimed.
    in_crowd.exec_driver_sql("""
        UPDATE crawl_jobs SET priority = 100, base_priority = 100 WHERE id %% 500 = 0;
        UPDATE crawl_jobs SET status = 'waiting', wait_reason = 'later' WHERE id %% 4000 = 0;
        UPDATE crawl_jobs SET priority = 1, base_priority = 1 WHERE status = 'queued'
        """)
    read = plans.rows_read(in_crowd, statement, values, table="crawl_jobs")
    assert read == 2 * values["at_most"]  # each job is read once to lock it and once to change it


def test_aging_reads_no_job_that_cannot_age_further_and_none_twice(in_crowd: Connection) -> None:
    statement, values, _ = STATEMENTS["age"]
    in_crowd.exec_driver_sql("""
        UPDATE crawl_jobs SET queued_at = queued_at - interval '1 day' WHERE status = 'queued';
        UPDATE crawl_jobs SET priority = priority_ceiling WHERE status = 'queued' AND id %% 2000 = 0
        """)
    first = job_aging.age_starved_jobs(in_crowd, policy=AgingPolicy(step=1), at_most=10)
    assert first.jobs == 10
    assert first.last is not None
    values = {**values, "step": 1, "at_most": 10}
    values |= {"last_queued_at": first.last.queued_at, "last_id": first.last.job_id}
    assert plans.rows_read(in_crowd, statement, values, table="crawl_jobs") == 2 * 10


def test_extending_a_lease_is_a_hot_update(crowded: Database) -> None:
    with crowded.begin() as conn:
        claimed = job_claim.claim_jobs(
            conn, worker="w", claim_token=uuid.uuid4(), at_most=5, lease_seconds=30, now=None
        )
        assert len(claimed) == 5
    counts = text(
        "SELECT n_tup_upd AS updated, n_tup_hot_upd AS hot "
        "FROM pg_stat_xact_user_tables WHERE relname = 'crawl_jobs'"
    )
    with crowded.begin() as conn:
        before = conn.execute(counts).one()  # may include earlier work of this session
        leases.extend_claims(conn, claims=claimed, lease_seconds=60)
        leases.save_checkpoint(conn, claim=claimed[0], checkpoint={"v": 1}, now=T0)
        after = conn.execute(counts).one()
    assert (after.updated - before.updated, after.hot - before.hot) == (6, 6)


DRIVER_PARSES_ANEW = 4_096  # characters: psycopg keeps the parsed form of shorter statements only
QUICKLY_PARSED = 3  # parameters: psycopg splits a statement with 3 in 6 microseconds


@pytest.mark.parametrize(
    "name",
    [
        "claim",
        "enqueue",
        "enqueue_stored",
        "enqueue_with_jobs",
        "extend",
        "save_checkpoint",
        "complete",
    ],
)
def test_no_hot_statement_is_parsed_anew_by_the_driver_each_time(name: str) -> None:
    statement, _, _ = STATEMENTS[name]
    sent = str(statement.compile(dialect=psycopg_dialect.dialect()))
    assert len(sent) <= DRIVER_PARSES_ANEW or sent.count("%(") <= QUICKLY_PARSED


@pytest.mark.parametrize(
    "name", ["enqueue", "enqueue_stored", "enqueue_with_jobs", "claim", "extend", "complete"]
)
def test_a_plan_for_few_rows_looks_no_cheaper_than_the_plan_that_is_kept(
    in_crowd: Connection, name: str
) -> None:
    """Otherwise Postgres plans the statement again at each execution.

    Postgres keeps the generic plan if plans for the given values cost more, with the estimated cost
    of planning, which is at least 5. The test compares the costs, because an execution can extend
    the table, and both estimates change with the size of the table.
    """
    statement, values, _ = STATEMENTS[name]
    if name == "extend":  # a worker extends all its claims at once
        values = {**values, "ids": [*range(1, 11)], "tokens": [TOKEN] * 10}
    kept, for_values = (
        plans.generic_plan(in_crowd, statement, values, mode=mode)[0]["Total Cost"]
        for mode in ("force_generic_plan", "force_custom_plan")
    )
    assert kept <= for_values + 5
