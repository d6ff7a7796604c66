"""The conditions of Reddit, the workers and the queue that need attention."""

from __future__ import annotations

from crawljobs.domain.attention import Condition, Severity, counted, duration, share

_JOBS = "/api/admin/jobs"
_WORKERS = "/api/admin/workers?role=crawler-worker"
_BUDGET = "/api/admin/budget"
_EXPLAIN = "GET /api/admin/jobs/{job_id}/explain names the cause for one job"

QUEUE = (
    Condition(
        "reddit_paused",
        Severity.WARNING,
        lambda facts: facts.reddit_paused,
        1,
        "All workers pause, because Reddit answers 429 or fails.",
        "The workers resume by themselves; the budget shows the cause and the next probe.",
        _BUDGET,
        alert="CrawlRedditPaused",
        metric="crawl_reddit_paused",
        is_equal=True,
    ),
    Condition(
        "reddit_throttled",
        Severity.WARNING,
        lambda facts: facts.recently_throttled,
        0,
        "Reddit answered 429 again and again to {value} client ids in the last 15 minutes.",
        "Another program may use the client id: give it its own one. The workers slow down by "
        "themselves.",
        _BUDGET,
        alert="CrawlRedditThrottled",
        of_one="Reddit answered 429 again and again in the last 15 minutes.",
    ),
    Condition(
        "worker_lost",
        Severity.WARNING,
        lambda facts: facts.workers_lost,
        0,
        "{value} workers stopped without a shutdown in the last 15 minutes.",
        "A worker was killed, hangs, or does not reach the database: check its memory limit and "
        "its log. Other workers rescue its jobs.",
        _WORKERS,
        alert="CrawlWorkerLost",
        metric="crawl_workers_lost",
        of_one="A worker stopped without a shutdown in the last 15 minutes.",
    ),
    Condition(
        "leases_expired",
        Severity.WARNING,
        lambda facts: facts.expired_leases,
        0,
        "{value} jobs belong to dead workers, and no worker rescues these jobs.",
        "Start a worker. If workers run, search their logs for maintenance.postponed.",
        f"{_JOBS}?status=crawling",
        alert="CrawlLeasesExpired",
        metric="crawl_leases_expired",
        of_one="A job belongs to a dead worker, and no worker rescues this job.",
    ),
    Condition(
        "jobs_wait_without_cause",
        Severity.WARNING,
        lambda facts: facts.waiting_without_cause,
        0,
        "{value} jobs wait for a cause that has ended.",
        "Start a worker: its sweep frees these jobs. POST /api/admin/jobs/{job_id}/wake makes "
        "one job claimable.",
        f"{_JOBS}?status=waiting&sort=visible_at",
        alert="CrawlJobsWaitWithoutCause",
        metric="crawl_jobs_waiting_without_cause",
        of_one="A job waits for a cause that has ended.",
    ),
    Condition(
        "queue_old",
        Severity.WARNING,
        lambda facts: facts.oldest_queued_seconds,
        3_600,
        "A claimable job has waited for {value}.",
        f"Add workers, unless the request budget is used up: then wait. {_EXPLAIN}.",
        f"{_JOBS}?status=queued&sort=created_at",
        alert="CrawlQueueOld",
        metric="crawl_queue_oldest_age_seconds",
        shown_as=duration,
    ),
    Condition(
        "queue_deep",
        Severity.WARNING,
        lambda facts: facts.queued_jobs,
        1_000,
        "{value} jobs wait for a worker.",
        "Add workers, unless the request budget is used up. If discovery causes most jobs, lower "
        "USER_SUB_ENQUEUE_MAX.",
        f"{_JOBS}?status=queued&sort=-priority",
        alert="CrawlQueueDeep",
        metric="crawl_queue_depth",
        shown_as=counted,
    ),
    Condition(
        "failure_rate",
        Severity.WARNING,
        lambda facts: facts.failed_share,
        0.1,
        "{value} of the newest finished jobs have failed.",
        "Repair the cause that the errors name, then retry the jobs: POST "
        "/api/admin/jobs/bulk/retry.",
        f"{_JOBS}?status=failed&sort=-finished_at",
        alert="CrawlFailureRateHigh",
        metric="crawl_recent_jobs",
        shown_as=share,
    ),
    Condition(
        "runs_too_long",
        Severity.WARNING,
        lambda facts: facts.longest_crawl_seconds,
        3_600,
        "A crawl has been running for {value}.",
        "Cancel the job, or lower MAX_REQUESTS_PER_JOB.",
        f"{_JOBS}?status=crawling",
        alert="CrawlRunsTooLong",
        metric="crawl_job_longest_running_seconds",
        shown_as=duration,
    ),
)
