"""Test rows for the sweeps that prune rows, refresh posts and revisit subreddits."""

from datetime import timedelta

from crawljobs.repository.content import discovery_candidates, refreshes, revisits
from crawljobs.repository.operations import record_pruning
from crawljobs.repository.queue.maintenance import (
    job_pruning,
    pause_parking,
)
from crawljobs.repository.schedules import ledger_pruning
from support.jobs import T0
from support.sweep_cases import DAY, HOUR, SECOND, Sweep, instances, job, jobs_sweep, of, pauses

ROW_SWEEPS: dict[str, Sweep] = {
    "forget ended pauses": Sweep(
        "queue_pauses",
        lambda conn, _: pause_parking.park_paused_jobs(conn, now=T0),
        pauses({"a": T0 - HOUR, "b": T0 - 2 * HOUR, "c": T0 - DAY}),
        pauses({"late": T0 - HOUR + SECOND, "open": None, "to come": T0 + HOUR}),
        has_order=False,
        key="scope",
    ),
    "take what is due": Sweep(
        "subreddits",
        of(revisits.take_due),
        {
            "aa": {"next_crawl_at": T0 - 2 * HOUR},
            "bb": {"next_crawl_at": T0 - HOUR},
            "cc": {"next_crawl_at": T0},
        },
        {
            "early": {"next_crawl_at": T0 + SECOND},
            "never": {"next_crawl_at": None},
            **{
                f"has_{status}": {"next_crawl_at": T0 - HOUR}
                for status in ("waiting", "queued", "crawling")
            },
        },
        beside=tuple(
            ("crawl_jobs", {"subreddit_id": f"has_{status}", **job(status)})
            for status in ("waiting", "queued", "crawling")
        ),
        becomes={"aa": {"next_crawl_at": T0 + DAY}},
    ),
    "settle refreshed posts": Sweep(
        "posts",
        lambda conn, _: refreshes.settle(conn, names=["t3_a", "t3_b", "t3_c", "t1_left"], now=T0),
        {key: {"created_at": T0 - 2 * DAY, "refresh_due_at": T0} for key in ("a", "b", "c")},
        {"left": {"created_at": T0 - 2 * DAY, "refresh_due_at": T0}},
        has_order=False,
        key="id",
        becomes={"a": {"refresh_due_at": T0 + 5 * DAY}},
    ),
    "prune processes": Sweep(
        "service_instances",
        of(record_pruning.prune, records=record_pruning.Records.INSTANCES, retention=DAY),
        instances({"a": -3 * DAY, "b": -2 * DAY, "c": -DAY - SECOND}),
        instances({"young": -DAY, "here": timedelta()}),
    ),
    "prune keys": Sweep(
        "idempotency_keys",
        of(record_pruning.prune, records=record_pruning.Records.KEYS, retention=DAY),
        {
            "a": {"created_at": T0 - 3 * DAY},
            "b": {"created_at": T0 - 2 * DAY},
            "c": {"created_at": T0 - DAY - SECOND},
        },
        {"young": {"created_at": T0 - DAY}},
        key="key",
    ),
    "prune the ledger": Sweep(
        "scheduled_job_runs",
        of(ledger_pruning.prune_runs, retention=DAY),
        {
            "1": {"fired_at": T0 - 3 * DAY},
            "2": {"fired_at": T0 - 2 * DAY},
            "3": {"fired_at": T0 - DAY - SECOND},
        },
        {"4": {"fired_at": T0 - DAY}},
        key="scheduled_job_id",
    ),
    "prune jobs": jobs_sweep(
        of(job_pruning.prune_finished_jobs, retention=DAY),
        {
            "a": job("cancelled", finished_at=T0 - 3 * DAY),
            "b": job("failed", finished_at=T0 - 4 * DAY),
            "c": job("succeeded", finished_at=T0 - DAY - SECOND),
        },
        {
            "young": job("succeeded", finished_at=T0 - DAY),
            "queued": job(created_at=T0 - 9 * DAY, queued_at=T0 - 9 * DAY),
            "waiting": job("waiting", created_at=T0 - 9 * DAY),
        },
    ),
    "prune jobs of one status": jobs_sweep(
        of(job_pruning.prune_finished_jobs, retention=DAY),
        {
            "a": job("failed", finished_at=T0 - 3 * DAY),
            "b": job("failed", finished_at=T0 - 2 * DAY),
            "c": job("failed", finished_at=T0 - DAY - SECOND),
        },
        {"young": job("failed", finished_at=T0 - DAY)},
    ),
    "forget evidence": Sweep(
        "discovery_evidence",
        of(discovery_candidates.forget_evidence),
        {
            "aa": {"last_at": T0 - 120 * DAY},
            "bb": {"last_at": T0 - 100 * DAY},
            "cc": {"last_at": T0 - 90 * DAY - SECOND},
        },
        {"young": {"last_at": T0 - 90 * DAY}},
    ),
}
