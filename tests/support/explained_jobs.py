"""Explanations of a made-up job. A test changes the job and its surroundings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from crawljobs.domain import explanation
from crawljobs.domain.claim_surroundings import Surroundings
from crawljobs.domain.explanation import Explanation
from crawljobs.domain.job import Job, JobSource, JobStatus, WaitReason

NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
AROUND = Surroundings(
    now=NOW,
    paused=False,
    paused_until=None,
    subreddit_paused=False,
    subreddit_paused_until=None,
    reddit_until=None,
    workers_alive=1,
    ahead=0,
    ahead_at_least=False,
    starts_per_minute=2.0,
)
JOB = Job(
    **dict.fromkeys(Job.__dataclass_fields__)
    | {
        "id": 7,
        "status": JobStatus.QUEUED,
        "source": JobSource.USER,
        "visible_at": NOW,
        "queued_at": NOW,
        "created_at": NOW,
    }
)


def waiting(reason: WaitReason, until: datetime | None) -> Job:
    parked = NOW + timedelta(minutes=1)
    return replace(
        JOB, status=JobStatus.WAITING, wait_reason=reason, visible_at=parked, waits_until=until
    )


def explained(job: Job = JOB, **around: Any) -> Explanation:
    return explanation.explain(job, replace(AROUND, **around))
