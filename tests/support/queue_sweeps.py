"""Test rows for the sweeps that requeue, rescue, age and park jobs."""

from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.queue.maintenance import (
    job_aging,
    job_maintenance,
    pause_parking,
)
from support.jobs import T0
from support.sweep_cases import (
    AGING,
    HOUR,
    MINUTE,
    RETRY,
    SECOND,
    Sweep,
    Values,
    job,
    jobs_sweep,
    of,
)

# What a rescue writes to every job that it takes.
_RESCUED: Values = {
    "priority": 10,
    "error_kind": "retryable",
    "claim_token": None,
    "claimed_by": None,
    "claimed_at": None,
    "lease_expires_at": None,
}

QUEUE_SWEEPS: dict[str, Sweep] = {
    "requeue": jobs_sweep(
        of(job_maintenance.requeue_due_jobs),
        {
            "a": job("waiting", visible_at=T0 - 3 * MINUTE),
            "b": job("waiting", visible_at=T0 - 2 * MINUTE, wait_reason="retry"),
            "c": job("waiting", visible_at=T0),
        },
        {
            "early": job("waiting", visible_at=T0 + SECOND),
            "paused": job("waiting"),
            "queued": job(),
            "crawling": job("crawling"),
            "over": job("failed"),
        },
        paused={"paused": None},
        becomes={
            "a": {"status": "queued", "wait_reason": None, "visible_at": T0 - 3 * MINUTE},
            "c": {"status": "queued", "wait_reason": None, "visible_at": T0},
        },
    ),
    "rescue": jobs_sweep(
        of(
            job_maintenance.rescue_stuck_jobs,
            lease_seconds=30.0,
            reset_after=15 * MINUTE,
            retry=RETRY,
        ),
        {
            "a": job("crawling", lease_expires_at=T0 - SECOND),
            "b": job("crawling", progress_at=T0 - 15 * MINUTE - SECOND),
            "c": job("crawling", lease_expires_at=T0 - HOUR),
            "again": job("crawling", lease_expires_at=T0 - HOUR, rescues_in_a_row=1000),
            "last": job(
                "crawling",
                lease_expires_at=T0 - HOUR,
                claimed_at=T0 + HOUR,
                retry_count=2000,
                retries=2000,
            ),
        },
        {
            "at its end": job("crawling", lease_expires_at=T0),
            "slow": job("crawling", progress_at=T0 - 15 * MINUTE),
            "untouched": job("crawling", progress_at=None),
            "queued": job(),
        },
        becomes={
            "a": {
                **_RESCUED,
                "status": "queued",
                "wait_reason": None,
                "visible_at": T0,
                "retry_count": 1,
                "retries": 1,
                "rescues_in_a_row": 1,
                "error_message": "the worker stopped extending its lease",
                "finished_at": None,
            },
            "b": {
                "status": "queued",
                "error_message": "the crawl made no progress",
            },
            "again": {
                **_RESCUED,
                "status": "waiting",
                "wait_reason": "retry",
                "visible_at": T0 + MINUTE,
                "rescues_in_a_row": 1000,
                "finished_at": None,
            },
            "last": {
                **_RESCUED,
                "status": "failed",
                "visible_at": T0,
                "retry_count": 2001,
                "retries": 2001,
                "finished_at": T0 + HOUR,  # it does not end before its claim began
            },
        },
    ),
    "age": jobs_sweep(
        of(job_aging.age_starved_jobs, policy=AGING),
        {
            "a": job(queued_at=T0 - 4 * HOUR),
            "b": job(queued_at=T0 - 3 * HOUR),
            "c": job(queued_at=T0 - HOUR - SECOND),
        },
        {
            "in time": job(queued_at=T0 - HOUR),
            "at its ceiling": job(queued_at=T0 - 4 * HOUR, priority_ceiling=10),
            "aged": job(queued_at=T0 - HOUR - SECOND, priority=20),
            "waiting": job("waiting", queued_at=T0 - 4 * HOUR),
            "crawling": job("crawling", queued_at=T0 - 4 * HOUR),
        },
    ),
    "park": jobs_sweep(
        of(pause_parking.park_paused_jobs),
        {"a": job(), "b": job("waiting", visible_at=T0), "c": job("waiting", wait_reason="retry")},
        {
            "early": job("waiting", visible_at=T0 + SECOND),
            "crawling": job("crawling"),
            "over": job("succeeded"),
            "pause is over": job(),
            "not paused": job(),
        },
        paused={
            **dict.fromkeys(("a", "early", "crawling", "over")),
            "b": T0 + SECOND,
            "c": T0 + HOUR,
            "pause is over": T0,
        },
        has_order=False,
        becomes={
            "a": {"status": "waiting", "wait_reason": "paused", "visible_at": T0 + MINUTE},
            "b": {"wait_reason": "paused", "visible_at": T0 + SECOND},
            "c": {"wait_reason": "paused", "visible_at": T0 + MINUTE},
        },
    ),
    "settle": jobs_sweep(
        of(parked_jobs.settle_parked_jobs),
        {
            "a": job("waiting", wait_reason="paused", visible_at=T0 + 50 * SECOND),
            "b": job("waiting", wait_reason="politeness", visible_at=T0 + 40 * SECOND),
            "c": job("waiting", wait_reason="paused", visible_at=T0 + 30 * SECOND),
        },
        {
            "paused": job("waiting", wait_reason="paused", visible_at=T0 + 20 * SECOND),
            "due": job("waiting", wait_reason="paused", visible_at=T0),
            "later": job("waiting", visible_at=T0 + 20 * SECOND),
            "retry": job("waiting", wait_reason="retry", visible_at=T0 + 20 * SECOND),
            "outage": job("waiting", wait_reason="outage", visible_at=T0 + 20 * SECOND),
        },
        paused={"paused": None, "c": T0},
        becomes={"a": {"status": "queued", "wait_reason": None, "visible_at": T0}},
    ),
    "free from Reddit": jobs_sweep(
        of(parked_jobs.free_from_reddit),
        {
            "a": job("waiting", wait_reason="outage", visible_at=T0 + SECOND),
            "b": job("waiting", wait_reason="rate_limit", visible_at=T0 + MINUTE),
            "c": job("waiting", wait_reason="rate_limit", visible_at=T0 + HOUR),
        },
        {
            "paused": job("waiting", wait_reason="paused"),
            "politeness": job("waiting", wait_reason="politeness"),
            "retry": job("waiting", wait_reason="retry"),
            "later": job("waiting", wait_reason="later"),
            "queued": job(),
        },
        becomes={"c": {"status": "queued", "wait_reason": None, "visible_at": T0}},
    ),
}
