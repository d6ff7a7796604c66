"""The Prometheus counters and histograms that a process updates while it works.

- Numbers that the database holds, such as queued jobs, are gauges: see queue_gauges.
- Count an event only after the COMMIT. Otherwise a retry of the transaction counts it twice.
- The values of a label are few and known in advance.
- Each counter starts at zero, so that Prometheus sees the first event as an increase.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from prometheus_client import Counter, Histogram

from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.job import EnqueueResult, JobSource, JobStatus
from crawljobs.domain.missing_part import PartKind, PartReason
from crawljobs.domain.webhook import AttemptResult

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3_600.0, 86_400.0

CLAIM_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
WAIT_BUCKETS = (
    *(0.05, 0.25, SECOND, 5.0, 15.0),
    *(MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, DAY, 3 * DAY),
)
CRAWL_BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0)
DELAY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, MINUTE, 5 * MINUTE, HOUR)
SLOT_BUCKETS = (0.01, 0.05, 0.25, 1.0, 2.5, 5.0, 10.0, 30.0, MINUTE, 5 * MINUTE, 10 * MINUTE)
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

FENCED = "fenced"  # a write was refused, because the worker no longer owns the job
FINISHED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)
TICK_OUTCOMES = ("enqueued", "merged", "skipped", "missed", "disabled")
# The labels for the statuses of Reddit's replies. A status that is not in the list gets the label
# of its class, such as 4xx. A missing reply gets the label `timeout` or `none`.
REDDIT_CODES = (
    *("200", "301", "302", "304", "400", "401", "403", "404", "429", "451"),
    *("500", "502", "503", "504"),
    *("1xx", "2xx", "3xx", "4xx", "5xx", "timeout", "none"),
)
# The limits of an API token: requests per second, exports at the same time, the size of the replies
# stored for idempotency keys in one day, and large requests at the same time.
THROTTLED = ("requests", "exports", "answers", "large_bodies")
AUTH_FAILURES = ("missing_token", "invalid_token", "too_many_failures")
# An alert counts the audit rows of these actions.
DESTRUCTIVE_ACTIONS = ("cancel", "give_up", "delete", "revoke")
SQLSTATE_CLASSES = ("08", "22", "23", "25", "40", "42", "53", "54", "55", "57", "58", "none")
OTHER = "other"


def _zeroed(counter: Counter, *labels: Sequence[str]) -> Counter:
    for values in product(*labels):
        counter.labels(*values)
    return counter


def bounded(value: str, known: Iterable[str]) -> str:
    """Return `value` if it is known, else `other`. So an unknown value adds no time series."""
    return value if value in known else OTHER


jobs_enqueued = _zeroed(
    Counter("crawl_jobs_enqueued_total", "Requests to crawl a subreddit.", ("source", "result")),
    list(JobSource),
    list(EnqueueResult),
)
jobs_finished = _zeroed(
    Counter("crawl_jobs_finished_total", "Jobs that reached a final state.", ("outcome",)),
    FINISHED,
)
job_attempts = _zeroed(
    Counter("crawl_job_attempts_total", "Claims that ended.", ("outcome",)),
    [*AttemptOutcome, FENCED],
)
job_retries = Counter("crawl_job_retries_total", "Retries scheduled after an error or a crash.")
job_retries_succeeded = Counter(
    "crawl_job_retries_succeeded_total", "Jobs that succeeded after at least one retry."
)
job_wait = Histogram(
    "crawl_job_wait_seconds", "Time from claimable to claimed.", buckets=WAIT_BUCKETS
)
job_duration = Histogram(
    "crawl_job_duration_seconds", "Time from the claim to its end.", buckets=CRAWL_BUCKETS
)
claim_duration = Histogram(
    "crawl_claim_duration_seconds",
    "Duration of one claim of jobs, measured by the worker.",
    buckets=CLAIM_BUCKETS,
)
crawl_parts_given_up = _zeroed(
    Counter(
        "crawl_parts_given_up_total",
        "Parts that crawls gave up after Reddit did not answer; each crawl finished without them.",
        ("kind", "reason"),
    ),
    list(PartKind),
    list(PartReason),
)
schedule_ticks = _zeroed(
    Counter("crawl_schedule_ticks_total", "Processed due times.", ("outcome",)), TICK_OUTCOMES
)
schedule_missed = Counter(
    "crawl_schedule_missed_total", "Due times without a job, including skipped ones."
)
schedule_delay = Histogram(
    "crawl_schedule_delay_seconds", "Time from due to fired.", buckets=DELAY_BUCKETS
)
webhook_attempts = _zeroed(
    Counter("crawl_webhook_attempts_total", "Attempts to deliver webhooks.", ("result",)),
    [*AttemptResult],
)
webhook_deliveries_dropped = Counter(
    "crawl_webhook_deliveries_dropped_total",
    "Deliveries that the retention deleted before an attempt succeeded or failed for good.",
)
webhook_first_attempt = Histogram(
    "crawl_webhook_first_attempt_seconds",
    "Time from an event to the first attempt of its delivery.",
    buckets=DELAY_BUCKETS,
)
reddit_requests = Counter(
    "crawl_reddit_requests_total", "Requests to Reddit.", ("endpoint", "code")
)
slot_wait = Histogram(
    "crawl_slot_wait_seconds", "Wait for a slot of the shared budget.", buckets=SLOT_BUCKETS
)
db_errors = _zeroed(
    Counter(
        "crawl_db_errors_total",
        "Database errors by SQLSTATE class; none: the database was unreachable.",
        ("sqlstate_class",),
    ),
    [*SQLSTATE_CLASSES, OTHER],
)
db_reconnects = Counter(
    "crawl_db_reconnects_total", "Direct connections reopened after they broke."
)
api_auth_failures = _zeroed(
    Counter(
        "crawl_api_auth_failures_total", "Requests refused without a valid token.", ("reason",)
    ),
    AUTH_FAILURES,
)
api_refusals = Counter(
    "crawl_api_refusals_total", "Changes refused to a valid token, each counted.", ("code",)
)
api_throttled = _zeroed(
    Counter(
        "crawl_api_throttled_total", "Requests refused at a limit of their token.", ("reason",)
    ),
    THROTTLED,
)
audit_rows = _zeroed(
    Counter("crawl_audit_rows_total", "Rows that this API wrote to the audit log.", ("action",)),
    DESTRUCTIVE_ACTIONS,
)
http_request_duration = Histogram(
    "http_request_duration_seconds",
    "Duration of requests to the API.",
    ("route", "method", "code"),
    buckets=HTTP_BUCKETS,
)


def count_missed(ticks: int) -> None:
    """Count the due times (ticks) that the ledger has recorded as missed."""
    schedule_ticks.labels("missed").inc(ticks)
    schedule_missed.inc(ticks)
