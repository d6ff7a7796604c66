"""The rights that each service needs on each table. No service has other rights (decision 53)."""

from __future__ import annotations

from collections.abc import Mapping

# The kinds of roles. A role's name in Postgres is the prefix of the installation, `_` and the kind.
OWNER = "owner"  # this role owns the tables and migrates them
ADMIN_API = "admin_api"
CRAWLER_WORKER = "crawler_worker"
SCHEDULER = "scheduler"
METRICS = "metrics"  # KEDA and other programs use this role to read metrics from the database
READER = "reader"  # analysts use this role to read the crawled content
SERVICES = (ADMIN_API, CRAWLER_WORKER, SCHEDULER, METRICS, READER)
ROLES = (OWNER, *SERVICES)

# The letters that psql's \dp prints for rights. `m` exists since PostgreSQL 17.
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

# The rights of each service on each table, as letters. Two rights have less obvious reasons:
#
# - UPDATE on queue_pauses: a service locks the row of a pause when it lets a job wait for the
#   pause.
# - INSERT on crawl_job_count_changes: the triggers of jobs and attempts write to this table, with
#   the rights of the session that changes the job.
_TABLES = """
    table                    admin_api  crawler_worker  scheduler  metrics  reader
    admin_audit_log          ra         a               a          -        -
    alembic_version          r          r               r          -        r
    api_tokens               raw        -               -          -        -
    author_subreddits        r          rawd            -          -        r
    authors                  r          rawd            -          -        r
    budget_history           r          rawd            -          -        -
    comments                 r          rawd            -          -        r
    crawl_gaps               r          rawd            -          -        r
    crawl_job_attempts       rad        rawd            r          -        -
    crawl_job_count_changes  ra         rawd            r          r        -
    crawl_job_counts         r          raw             r          r        -
    crawl_jobs               rawd       rawd            raw        r        -
    crawled_reddit           -          ra              -          -        r
    deletion_walk            r          raw             r          -        -
    discovery_evidence       -          rawd            -          -        r
    discovery_roots          -          raw             -          -        -
    erased_authors           raw        rw              -          -        -
    group_finishes           ra         ra              r          r        -
    group_steps              rawd       rawd            ra         r        -
    idempotency_keys         ra         rwd             -          -        -
    job_groups               rawd       rawd            ra         r        -
    maintenance_runs         r          raw             -          -        -
    map_nodes                r          raw             -          -        r
    missing_parts            r          rawd            -          -        r
    omitted_items            -          rawd            -          -        -
    operations               ra         rwd             -          -        -
    post_scores              -          rawd            -          -        r
    posts                    r          rawd            -          -        r
    queue_history            r          rawd            -          -        -
    queue_pauses             rawd       rwd             rw         -        -
    reddit_budgets           r          raw             r          r        -
    reddit_tokens            -          raw             -          -        -
    scheduled_job_runs       rad        rawd            raw        -        -
    scheduled_jobs           rawd       rw              rw         -        -
    service_instances        rawd       rawd            rawd       -        -
    step_waits               rawd       rawd            ra         -        -
    subreddit_counts         -          rawd            -          -        r
    subreddit_links          r          rawd            -          -        r
    subreddits               raw        raw             r          -        r
    upstream_changes         a          rawd            -          -        -
    webhook_attempts         r          -               ra         -        -
    webhook_deliveries       raw        rw              raw        -        -
    webhook_endpoints        rawd       r               rw         -        -
    webhook_events           ra         rad             raw        -        -
    webhook_history          r          rawd            raw        -        -
"""

# The privileges that services have only on some columns, and the names of these columns. The other
# columns of a new audit row get their values from defaults in the database. In the row of an API
# token, a service may change only the revocation and the time of the last use.
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

# The share of the server's connections that a role's sessions may use together. The sum of the
# shares is above 1, so that a role can use connections that other roles leave free. No role can use
# all connections.
CONNECTION_SHARES: Mapping[str, float] = {
    ADMIN_API: 0.4,
    CRAWLER_WORKER: 0.7,
    SCHEDULER: 0.2,
    METRICS: 0.1,
    READER: 0.1,
}

# The services that may call each function. Triggers need no right to call their functions.
FUNCTIONS: Mapping[str, frozenset[str]] = {
    "crawl_job_attempts_count_succeeded()": frozenset(),
    "crawl_jobs_count_change()": frozenset(),
    "crawl_jobs_count_deleted()": frozenset(),
    "erased_author_keys()": frozenset({CRAWLER_WORKER}),
    "end_frozen_sessions(interval)": frozenset({CRAWLER_WORKER, SCHEDULER}),
    "oldest_change_start()": frozenset({ADMIN_API}),
    "refuse_audit_change()": frozenset(),
}

# The owner has no right to change audit rows. To change rows, it must first grant itself the right.
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


# The privileges on each table. The inner key is the kind of role.
TABLES: Mapping[str, Mapping[str, frozenset[str]]] = _read(_TABLES)
