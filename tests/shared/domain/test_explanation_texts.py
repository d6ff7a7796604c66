"""The texts and values of an explanation of a job, word by word."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from crawljobs.domain.job import ErrorKind, JobStatus, WaitReason
from support.explained_jobs import HOUR, JOB, NOW, explained, waiting


@pytest.mark.parametrize(
    ("around", "summary", "until"),
    [
        ({}, "It is next: the first free worker claims it.", None),
        ({"ahead": 1}, "It waits for jobs that are claimed before it.", None),
        ({"workers_alive": 0}, "It waits for a crawler-worker: none was seen lately.", None),
        ({"reddit_until": NOW + HOUR}, "It waits for Reddit to be available.", NOW + HOUR),
        ({"paused": True}, "It waits for the end of a pause of everything.", None),
    ],
)
def test_a_queued_job_names_the_first_cause_that_delays_it(
    around: dict[str, Any], summary: str, until: datetime | None
) -> None:
    found = explained(JOB, **around)
    assert (found.summary, found.until) == (summary, until)


@pytest.mark.parametrize(
    ("status", "summary"),
    [
        (JobStatus.CRAWLING, "It is being crawled by worker-3."),
        (JobStatus.FAILED, "It is over: failed. Only an operator's retry would run it again."),
    ],
)
def test_a_summary_names_the_state_of_a_job_that_is_not_queued(
    status: JobStatus, summary: str
) -> None:
    assert explained(replace(JOB, status=status, claimed_by="worker-3")).summary == summary


def test_the_next_job_starts_at_once() -> None:
    assert explained().estimated_start == NOW


def test_the_conditions_show_their_values() -> None:
    shown = {one.name: (one.met, one.value) for one in explained().conditions}
    assert shown == {
        "queued": (True, "queued"),
        "visible": (True, NOW.isoformat()),
        "queue_not_paused": (True, "not paused"),
        "subreddit_not_paused": (True, "not paused"),
        "reddit_available": (True, "available"),
        "worker_alive": (True, "1"),
    }
    found = explained(
        waiting(WaitReason.PAUSED, None), workers_alive=0, paused=True, paused_until=NOW + HOUR
    )
    shown = {one.name: (one.met, one.value) for one in found.conditions}
    assert shown["queued"] == (False, "waiting (paused)")
    assert shown["queue_not_paused"] == (False, f"paused until {(NOW + HOUR).isoformat()}")
    assert shown["worker_alive"] == (False, "0")


def test_an_explanation_shows_300_characters_of_the_error_of_a_worker() -> None:
    job = replace(
        waiting(WaitReason.UNCLEAR, NOW + HOUR),
        error_kind=ErrorKind.DEFERRED,
        error_message="x" * 400,
    )
    found = explained(job)
    assert found.waits_for == (
        f"a usable reply about its community: Reddit answers for others ({'x' * 300})"
    )


def test_the_detail_of_an_outage_replaces_the_error_of_a_worker() -> None:
    job = replace(
        waiting(WaitReason.OUTAGE, NOW + HOUR),
        error_kind=ErrorKind.DEFERRED,
        error_message="HTTP 500",
    )
    around = {"reddit_until": NOW + HOUR, "reddit_reason": "outage"}
    assert explained(job, **around).waits_for == "the end of an outage (HTTP 500)"
    known = explained(job, **around, reddit_detail="no connection")
    assert known.waits_for == "the end of an outage (no connection)"
