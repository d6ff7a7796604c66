"""Columns of the overview, and of the findings of doctor."""

from crawlctl.output.columns import Column, Noun

ATTENTION = Noun(
    "condition",
    (Column("severity"), Column("code"), Column("sentence"), Column("remedy")),
    key="code",
)
_STATES = ("queued", "waiting", "crawling", "succeeded", "failed", "cancelled")
OVERVIEW = Noun(
    "overview",
    (
        Column("level"),
        Column("as_of", kind="time"),
        *(Column(state, f"jobs.by_status.{state}", kind="number") for state in _STATES),
        Column("oldest_queued", "jobs.oldest_queued_seconds", kind="seconds"),
        Column("longest_crawl", "jobs.longest_crawl_seconds", kind="seconds"),
        Column("expired_leases", "jobs.expired_leases", kind="number"),
        Column("waits_for_limit", "budget.waiting_jobs.rate_limit", kind="number"),
        Column("waits_for_outage", "budget.waiting_jobs.outage", kind="number"),
        Column("schedules", "schedules.enabled", kind="number"),
        Column("broken_schedules", "schedules.broken", kind="number"),
        Column("missed_due_times", "schedules.missed", kind="number"),
        Column("paused", "pauses.everything.reason"),
        Column("paused_subreddits", "pauses.subreddits", kind="number"),
        Column("workers_lost", kind="number"),
        Column("webhooks", "webhooks.endpoints.enabled", kind="number"),
        Column("pending_deliveries", "webhooks.pending", kind="number"),
        Column("held_deliveries", "webhooks.held", kind="number"),
        Column("database_bytes", "database.bytes", kind="bytes"),
        Column("oldest_transaction", "database.oldest_transaction_seconds", kind="seconds"),
    ),
    key="level",
    sections={
        "attention": ATTENTION,
        "processes": Noun(
            "processes", (Column("role"), Column("version"), Column("processes", kind="number"))
        ),
        "budget.clients": Noun(
            "client",
            (
                Column("client_id"),
                Column("state"),
                Column("reason"),
                Column("remaining", kind="number"),
                Column("usable", kind="number"),
                Column("window_ends_at", kind="time"),
                Column("paused_until", kind="time"),
            ),
        ),
        "running": Noun(
            "crawl",
            (
                Column("job_id", kind="number"),
                Column("subreddit"),
                Column("phase"),
                Column("done", kind="number"),
                Column("total", kind="number"),
                Column("eta", kind="time"),
                Column("worker"),
            ),
        ),
        "failures.newest": Noun(
            "failed job",
            (
                Column("job_id", kind="number"),
                Column("subreddit"),
                Column("finished_at", kind="time"),
                Column("error_kind"),
                Column("error_message"),
            ),
        ),
        "schedules.next": Noun(
            "schedule",
            (
                Column("id", kind="number"),
                Column("name"),
                Column("subreddit"),
                Column("next_run_at", kind="time"),
            ),
        ),
    },
)
CHECK = Noun(
    "check", (Column("check"), Column("result"), Column("detail"), Column("remedy")), key="check"
)
