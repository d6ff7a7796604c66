"""The compared queues: how each is started, and the queries for its unfinished and kept jobs."""

from dataclasses import dataclass

OURS = "crawljobs"


@dataclass(frozen=True)
class Candidate:
    """A compared queue. A claim locks rows of the table `claims_from`.

    `unfinished` is a query that returns whether a wanted job is left. It runs often during the
    measurement, so its cheap condition, which uses an index, comes first. {jobs} in its text is
    replaced by the number of jobs. `kept` is a query that counts the jobs that still exist at the
    end.
    """

    name: str
    kind: str  # the programs that run it: ours, python, node or go
    runner: str
    claims_from: str
    unfinished: str
    kept: str | None
    guarantees: str
    settings: str
    jobs: int = 100_000
    drains_behind_others: bool = True


CRAWLJOBS = Candidate(
    name=OURS,
    kind="ours",
    runner="run_crawljobs",
    claims_from="crawl_jobs",
    unfinished=(
        "SELECT EXISTS (SELECT 1 FROM crawl_jobs WHERE status = 'queued' AND priority >= 60) "
        "OR EXISTS (SELECT 1 FROM crawl_jobs WHERE status = 'crawling' AND priority >= 60)"
    ),
    kept=(
        "SELECT count(*) FROM crawl_jobs AS job JOIN crawl_job_attempts AS attempt "
        "ON attempt.job_id = job.id "
        "WHERE job.status = 'succeeded' AND job.base_priority = 60"
    ),
    guarantees=(
        "fenced by a token, kept, an attempt row each; dedup at enqueue; "
        "a claim's commit does not wait for the disk"
    ),
    settings="WORKER_CONCURRENCY=200; 10,000 jobs a statement in bulk",
)

CANDIDATES = {
    candidate.name: candidate
    for candidate in (
        CRAWLJOBS,
        Candidate(
            name="PgQueuer",
            kind="python",
            runner="run_pgqueuer",
            claims_from="pgqueuer",
            unfinished=(
                "SELECT EXISTS (SELECT 1 FROM pgqueuer WHERE entrypoint = 'nothing' "
                "AND status = 'queued' AND priority = 1) "
                "OR EXISTS (SELECT 1 FROM pgqueuer WHERE status = 'picked' AND priority = 1)"
            ),
            kept="SELECT count(*) FROM pgqueuer_log WHERE status = 'successful' AND priority = 1",
            guarantees="ends by id alone; moved to a log; no attempts kept; no dedup asked for",
            settings="asyncpg, a pool of 2, uvloop, batch_size=1000",
        ),
        Candidate(
            name="graphile-worker",
            kind="node",
            runner="run_graphile_worker.mjs",
            claims_from="graphile_worker._private_jobs",
            unfinished=(
                "SELECT EXISTS (SELECT 1 FROM graphile_worker._private_jobs "
                "WHERE is_available AND priority = 0) OR EXISTS (SELECT 1 "
                "FROM graphile_worker._private_jobs WHERE priority = 0)"
            ),
            kept=None,
            guarantees="ends by id alone; finished jobs are deleted; no dedup asked for",
            settings=(
                "its own page on performance: concurrentJobs=24, localQueue 500, "
                "completeJobBatchDelay=0"
            ),
        ),
        Candidate(
            name="pg-boss",
            kind="node",
            runner="run_pg_boss.mjs",
            claims_from="pgboss.job_common",
            unfinished=(
                "SELECT EXISTS (SELECT 1 FROM pgboss.job WHERE name = 'nothing' "
                "AND state < 'active' AND priority = 1) OR EXISTS (SELECT 1 FROM pgboss.job "
                "WHERE name = 'nothing' AND state = 'active' AND priority = 1)"
            ),
            kept="SELECT count(*) FROM pgboss.job WHERE state = 'completed' AND priority = 1",
            guarantees="ends by id and state; kept; no attempts; no dedup asked for",
            settings="batchSize=1000, localConcurrency=2, burstWhenBatchFull, LISTEN",
        ),
        Candidate(
            name="River",
            kind="go",
            runner="river",
            claims_from="river_job",
            unfinished=(
                "SELECT EXISTS (SELECT 1 FROM river_job WHERE kind = 'nothing' "
                "AND queue = 'default' AND state = 'available' AND priority = 1) "
                "OR EXISTS (SELECT 1 FROM river_job WHERE state = 'running' AND priority = 1)"
            ),
            kept="SELECT count(*) FROM river_job WHERE state = 'completed' AND priority = 1",
            guarantees="ends by id and state; kept for a day; no dedup asked for",
            settings="as its own benchmark: FetchCooldown 2 ms, polled each 20 ms; 2,000 workers",
        ),
        Candidate(
            name="Procrastinate",
            kind="python",
            runner="run_procrastinate",
            claims_from="procrastinate_jobs",
            unfinished=(
                "SELECT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' "
                "AND priority = 1) OR EXISTS (SELECT 1 FROM procrastinate_jobs "
                "WHERE status = 'doing' AND priority = 1)"
            ),
            kept=(
                "SELECT count(*) FROM procrastinate_jobs "
                "WHERE status = 'succeeded' AND priority = 1"
            ),
            guarantees="ends by id and state; kept, with an event each; no dedup asked for",
            settings="concurrency=20, a pool of 20; 1,000 jobs a batch_defer",
            jobs=20_000,
        ),
        Candidate(
            name="Chancy",
            kind="python",
            runner="run_chancy",
            claims_from="chancy_jobs",
            unfinished=(
                "SELECT EXISTS (SELECT 1 FROM chancy_jobs WHERE queue = 'nothing' "
                "AND state = 'pending' AND priority = 1) OR EXISTS (SELECT 1 FROM chancy_jobs "
                "WHERE queue = 'nothing' AND state = 'running' AND priority = 1)"
            ),
            kept="SELECT count(*) FROM chancy_jobs WHERE state = 'succeeded' AND priority = 1",
            guarantees="ends by id and claim; kept; no attempts; no dedup asked for",
            settings="executor of the event loop, concurrency=1000, eager_polling, ends each 50 ms",
            jobs=20_000,
        ),
        Candidate(
            name="DBOS",
            kind="python",
            runner="run_dbos",
            claims_from="dbos.workflow_status",
            unfinished=(
                "SELECT EXISTS (SELECT 1 FROM dbos.workflow_status "
                "WHERE status IN ('ENQUEUED', 'PENDING'))"
            ),
            kept="SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'",
            guarantees="durable workflows, more than a queue; kept with their results",
            settings="worker_concurrency=200, 20 threads, polled each 10 ms",
            jobs=20_000,
            drains_behind_others=False,  # the other jobs would take minutes to enqueue
        ),
        Candidate(
            name="awa",
            kind="python",
            runner="run_awa",
            claims_from="awa.queue_claim_heads",
            unfinished=(
                "SELECT coalesce(sum(completed_count), 0) < {jobs} "
                "FROM awa.receipt_completion_batches"
            ),
            kept="SELECT count(*) FROM awa.jobs WHERE state = 'completed' AND priority = 1",
            guarantees="fenced by a lease; kept for a while; no dedup asked for",
            settings="1,000 workers, COPY of 50,000 jobs",
        ),
    )
}
