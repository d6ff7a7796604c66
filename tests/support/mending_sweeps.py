"""Test rows for the sweeps that correct times in the future, after the clock was set back."""

from crawljobs.repository.schedules import schedule_setbacks
from support.jobs import T0
from support.sweep_cases import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Sweep,
    instances,
    job,
    jobs_sweep,
    mending,
    of,
    schedule,
)

MENDING_SWEEPS: dict[str, Sweep] = {
    "mend backoffs": jobs_sweep(
        mending("backoffs"),
        {
            "a": job("waiting", wait_reason="retry", visible_at=T0 + 9 * DAY),
            "b": job("waiting", wait_reason="retry", visible_at=T0 + HOUR),
            "c": job("waiting", wait_reason="retry", visible_at=T0 + 2 * MINUTE + SECOND),
        },
        {
            "in time": job("waiting", wait_reason="retry", visible_at=T0 + 2 * MINUTE),
            "third": job("waiting", wait_reason="retry", retry_count=3,
                         visible_at=T0 + 5 * MINUTE),
            "later": job("waiting", visible_at=T0 + 9 * DAY),
            "paused": job("waiting", wait_reason="paused", visible_at=T0 + 9 * DAY),
            "queued": job(visible_at=T0 + 9 * DAY),
        },
        becomes={"a": {"visible_at": T0 + MINUTE, "status": "waiting"}},
    ),
    "mend what is queued": jobs_sweep(
        mending("queued"),
        {
            "a": job(queued_at=T0 + MINUTE + SECOND),
            "b": job(queued_at=T0 + HOUR),
            "c": job(queued_at=T0 + DAY),
        },
        {
            "in time": job(queued_at=T0 + MINUTE),
            "waiting": job("waiting", queued_at=T0 + DAY),
            "crawling": job("crawling", queued_at=T0 + DAY),
        },
        becomes={"a": {"queued_at": T0, "created_at": T0 - HOUR}},
    ),
    "mend leases": jobs_sweep(
        mending("leases"),
        {
            "a": job("crawling", progress_at=T0 + DAY, lease_expires_at=T0 + 2 * DAY),
            "b": job("crawling", progress_at=T0 + MINUTE + SECOND),
            "c": job("crawling", progress_at=T0 + HOUR),
            "ended": job("crawling", progress_at=T0 + HOUR, lease_expires_at=T0 + HOUR),
        },
        {"in time": job("crawling", progress_at=T0 + MINUTE), "queued": job()},
        becomes={
            "a": {"progress_at": T0, "lease_expires_at": T0 + DAY},
            "b": {"progress_at": T0, "lease_expires_at": T0 + MINUTE},
            "ended": {"progress_at": T0, "lease_expires_at": T0 + HOUR},
        },
    ),
    "mend last crawls": Sweep(
        "subreddits",
        mending("last_crawled_at"),
        {"aa": {"last_crawled_at": T0 + DAY}, "bb": {"last_crawled_at": T0 + HOUR},
         "cc": {"last_crawled_at": T0 + MINUTE + SECOND}},
        {"in_time": {"last_crawled_at": T0 + MINUTE}, "never": {"last_crawled_at": None}},
        becomes={"cc": {"last_crawled_at": T0}},
    ),
    "mend next looks": Sweep(
        "subreddits",
        mending("next_crawl_at"),
        {"aa": {"next_crawl_at": T0 + 300 * DAY}, "bb": {"next_crawl_at": T0 + 200 * DAY},
         "cc": {"next_crawl_at": T0 + 90 * DAY + MINUTE + SECOND}},
        {"in_time": {"next_crawl_at": T0 + 90 * DAY + MINUTE}, "never": {"next_crawl_at": None}},
    ),
    "mend processes": Sweep(
        "service_instances",
        mending("service_instances"),
        instances({"a": DAY, "b": HOUR, "c": MINUTE + SECOND}),
        instances({"in time": MINUTE}),
        becomes={"c": {"seen_at": T0}},
    ),
    "mend schedules": Sweep(
        "scheduled_jobs",
        of(schedule_setbacks.mend_next_runs),
        {
            "a": schedule(next_run_at=T0 + 2 * DAY),
            "b": schedule(next_run_at=T0 + DAY, last_run_at=None, updated_at=T0 + HOUR),
            "c": schedule(next_run_at=T0 + SECOND, last_run_at=T0 + MINUTE + SECOND),
        },
        {
            "fired in time": schedule(last_run_at=T0 + MINUTE, updated_at=T0 + MINUTE),
            "due": schedule(next_run_at=T0),
            "disabled": schedule(enabled=False),
        },
        becomes={
            "a": {"next_run_at": T0 + HOUR, "last_run_at": T0, "updated_at": T0 - DAY},
            "b": {"last_run_at": None, "updated_at": T0},
            "c": {"next_run_at": T0 + SECOND, "last_run_at": T0},
        },
    ),
}  # fmt: skip
