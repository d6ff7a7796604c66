"""What each service may do to each table: the one place, and no more than its statements need."""

from __future__ import annotations

from collections.abc import Mapping

# The end of each role's name, after the installation's prefix.
OWNER = "owner"  # owns the tables and migrates them
ADMIN_API = "admin_api"
CRAWLER_WORKER = "crawler_worker"
SCHEDULER = "scheduler"
METRICS = "metrics"  # for KEDA and whoever else only counts
SERVICES = (ADMIN_API, CRAWLER_WORKER, SCHEDULER, METRICS)
ROLES = (OWNER, *SERVICES)

# As psql's \dp has them; `m` exists since PostgreSQL 17.
LETTERS = {
    "r": "SELECT",
    "a": "INSERT",
    "w": "UPDATE",
    "d": "DELETE",
    "D": "TRUNCATE",
    "x": "REFERENCES",
    "t": "TRIGGER",
    "m": "MAINTAIN",
}
PRIVILEGES = tuple(LETTERS.values())

# Locking a row takes UPDATE: who lets a job wait for a pause locks that pause. The triggers of jobs
# and attempts write crawl_job_count_changes with the rights of the session that changed the job.
_TABLES = """
    table                    admin_api  crawler_worker  scheduler  metrics
    admin_audit_log          ra         a               a          -
    alembic_version          r          r               r          -
    api_tokens               raw        -               -          -
    author_subreddits        -          raw             -          -
    authors                  -          raw             -          -
    comments                 -          raw             -          -
    crawl_gaps               r          rawd            -          -
    crawl_job_attempts       rad        rawd            -          -
    crawl_job_count_changes  ra         rawd            r          r
    crawl_job_counts         r          raw             r          r
    crawl_jobs               rawd       rawd            raw        r
    discovery_evidence       -          rawd            -          -
    discovery_roots          -          raw             -          -
    idempotency_keys         ra         rwd             -          -
    maintenance_runs         -          raw             -          -
    missing_parts            r          rawd            -          -
    posts                    -          raw             -          -
    queue_pauses             rawd       rwd             rw         -
    reddit_budgets           r          raw             r          r
    reddit_tokens            -          raw             -          -
    scheduled_job_runs       rad        rawd            raw        -
    scheduled_jobs           rawd       rw              rw         -
    service_instances        rawd       rawd            rawd       -
    subreddits               raw        raw             r          -
"""

# For a service these rights are limited to columns. The server's defaults fill the other columns of
# an audit row; of a token only its use and its revocation may change.
COLUMNS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "admin_audit_log": {
        "INSERT": (
            "actor",
            "action",
            "resource_type",
            "resource_id",
            "before",
            "after",
            "request_id",
            "peer_address",
            "client_address",
            "token_id",
        )
    },
    "api_tokens": {"UPDATE": ("revoked_at", "revoked_by", "last_used_at")},
}

# Share of the server's connections that the sessions of a role may take together. The sum is more
# than one on purpose: no role can take them all, and each can grow.
CONNECTION_SHARES: Mapping[str, float] = {
    ADMIN_API: 0.4,
    CRAWLER_WORKER: 0.7,
    SCHEDULER: 0.2,
    METRICS: 0.1,
}

# Which services may call which of our functions; triggers fire without such a right.
FUNCTIONS: Mapping[str, frozenset[str]] = {
    "crawl_job_attempts_count_succeeded()": frozenset(),
    "crawl_jobs_count_change()": frozenset(),
    "crawl_jobs_count_deleted()": frozenset(),
    "end_frozen_sessions(interval)": frozenset({CRAWLER_WORKER, SCHEDULER}),
    "refuse_audit_change()": frozenset(),
}

# Not even the owner may change what happened, short of granting itself the right.
_OF_OWNER = {"admin_audit_log": frozenset(PRIVILEGES) - {"UPDATE", "DELETE", "TRUNCATE"}}


def _read(written: str) -> dict[str, dict[str, frozenset[str]]]:
    (_, *services), *lines = (line.split() for line in written.strip().splitlines())
    return {
        table: {
            OWNER: _OF_OWNER.get(table, frozenset(PRIVILEGES)),
            **{
                service: frozenset(LETTERS[letter] for letter in letters.replace("-", ""))
                for service, letters in zip(services, granted, strict=True)
            },
        }
        for table, *granted in lines
    }


# By table, then by role.
TABLES: Mapping[str, Mapping[str, frozenset[str]]] = _read(_TABLES)
