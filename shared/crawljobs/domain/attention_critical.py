"""The conditions that stop crawls until an operator acts."""

from __future__ import annotations

from crawljobs.domain.attention import Condition, Severity, duration

_JOBS = "/api/admin/jobs"
_WORKERS = "/api/admin/workers?role=crawler-worker"
_BUDGET = "/api/admin/budget"
_SCHEDULES = "/api/admin/scheduled-jobs"
_EXPLAIN = "GET /api/admin/jobs/{job_id}/explain names the cause for one job"

CRITICAL = (
    Condition(
        "no_workers",
        Severity.CRITICAL,
        lambda facts: facts.workers_alive,
        0,
        "No worker has sent a heartbeat within the last minute.",
        "Start a crawler-worker, or read its log: worker.start_failed and keeper.disconnected name "
        "a wrong setting or address.",
        _WORKERS,
        alert="CrawlNoWorkers",
        metric="crawl_workers_alive",
        is_equal=True,
    ),
    Condition(
        "no_schedulers",
        Severity.CRITICAL,
        lambda facts: facts.schedulers_alive,
        0,
        "No scheduler has sent a heartbeat within the last minute.",
        "Start a scheduler, or read its log: scheduler.start_failed and "
        "scheduler.database_unavailable name the cause. Until then no schedule fires and no "
        "webhook is delivered.",
        "/api/admin/workers?role=scheduler",
        alert="CrawlSchedulerDown",
        is_equal=True,
    ),
    Condition(
        "reddit_refused",
        Severity.CRITICAL,
        lambda facts: facts.reddit_refused,
        1,
        "Reddit refuses the client or its credentials; all crawls wait.",
        "Correct REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET, or ask Reddit to unblock the client; "
        "the budget shows the reply of Reddit.",
        _BUDGET,
        alert="CrawlRedditRefused",
        metric="crawl_reddit_paused",
        is_equal=True,
    ),
    Condition(
        "nothing_succeeds",
        Severity.CRITICAL,
        lambda facts: facts.without_success_seconds,
        3_600,
        "Jobs are live, and no job has succeeded for {value}.",
        f"Look at the other conditions first. Then {_EXPLAIN}.",
        f"{_JOBS}?status=queued&status=waiting&status=crawling",
        alert="CrawlNothingSucceeds",
        shown_as=duration,
    ),
    Condition(
        "schedule_late",
        Severity.CRITICAL,
        lambda facts: facts.schedule_lag_seconds,
        120,
        "A schedule has been due for {value}, and no scheduler has fired it.",
        "Check that a scheduler runs and reaches the database, and that no session locks the "
        "schedule.",
        f"{_SCHEDULES}?enabled=true",
        alert="CrawlScheduleLate",
        metric="crawl_schedule_lag_seconds",
        shown_as=duration,
    ),
    Condition(
        "schedule_missed",
        Severity.CRITICAL,
        lambda facts: facts.missed_ticks,
        0,
        "{value} due times of schedules passed without a job in the last 15 minutes.",
        "The runs of a schedule show the due times. POST "
        "/api/admin/scheduled-jobs/{schedule_id}/run runs a schedule now.",
        f"{_SCHEDULES}?enabled=true",
        alert="CrawlScheduleMissed",
        metric="crawl_schedule_missed_recently",
        of_one="A due time of a schedule passed without a job in the last 15 minutes.",
    ),
)
