"""The progress of a crawl, as the API reports it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crawljobs.domain.job import Job, JobSource, JobStatus, WaitReason
from crawljobs.domain.job_progress import Progress, of_job

NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
NONE: dict[str, Any] = dict.fromkeys(Job.__dataclass_fields__)
JOB = Job(
    **{
        **NONE,
        "id": 1,
        "subreddit": "python",
        "status": JobStatus.CRAWLING,
        "source": JobSource.USER,
        "visible_at": NOW - timedelta(minutes=9),
        "progress_at": NOW,
    }
)
CHECKPOINT = {
    "v": 1, "phase": "posts", "page": 3, "posts": 250, "comments": 0, "requests": 4, "gap": True,
    "forecast": {"total": 24, "pace": 1.5},
}  # fmt: skip


def test_progress_is_read_from_the_job_and_its_checkpoint() -> None:
    shown = of_job(replace(JOB, checkpoint=CHECKPOINT))
    assert shown == Progress(
        phase="posts", page=3, posts=250, requests=4, done=4, total=24, gap=True,
        eta=NOW + timedelta(seconds=30),
    )  # fmt: skip


def test_a_waiting_job_tells_until_when_and_goes_on_from_there() -> None:
    until = NOW + timedelta(minutes=5)
    waiting = replace(
        JOB, status=JobStatus.WAITING, wait_reason=WaitReason.RATE_LIMIT, waits_until=until,
        checkpoint=CHECKPOINT,
    )  # fmt: skip
    shown = of_job(waiting)
    assert (shown.waiting_until, shown.eta) == (until, until + timedelta(seconds=30))


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_nobody_knows_when_a_queued_job_ends_and_a_finished_one_has(status: JobStatus) -> None:
    shown = of_job(replace(JOB, status=status, checkpoint=CHECKPOINT))
    assert (shown.waiting_until, shown.eta, shown.total) == (None, None, 24)


def test_a_job_paused_for_ever_has_no_end_in_sight() -> None:
    forecast = {"total": 10_000, "pace": 3_000}
    waiting = replace(
        JOB, status=JobStatus.WAITING, waits_until=None,
        checkpoint={**CHECKPOINT, "forecast": forecast},
    )  # fmt: skip
    assert (of_job(waiting).waiting_until, of_job(waiting).eta) == (None, None)


@pytest.mark.parametrize(
    "checkpoint",
    [
        None,
        {},
        {"v": 99},
        {"phase": 7, "page": "x", "posts": -1, "comments": True, "requests": 1.5, "gap": "yes"},
        {"forecast": []},
        {"forecast": {"total": 5}},
        {"forecast": {"total": "x", "pace": 1.0}},
        {"forecast": {"total": 5, "pace": -1}},
        {"forecast": {"total": 5, "pace": 1e999}},
    ],
)
def test_a_checkpoint_of_another_shape_shows_no_progress(checkpoint: Any) -> None:
    assert of_job(replace(JOB, checkpoint=checkpoint)) == Progress()


@pytest.mark.parametrize(
    ("requests", "total", "pace", "end"),
    [
        (4, 24, 0.5, timedelta(seconds=10)),
        (4, 24, 0, timedelta(0)),
        (30, 24, 2, timedelta(0)),  # more requests than the forecast
        (0, 1, 366 * 86_400, timedelta(days=366)),
        (0, 1, 366 * 86_400 + 1, None),  # too far ahead
    ],
)
def test_the_end_of_a_crawl_follows_from_its_pace(
    requests: int, total: int, pace: float, end: timedelta | None
) -> None:
    forecast = {"total": total, "pace": pace}
    shown = of_job(replace(JOB, checkpoint={"requests": requests, "forecast": forecast}))
    assert (shown.done, shown.total) == (requests, max(total, requests))
    assert shown.eta == (None if end is None else NOW + end)


@pytest.mark.parametrize("forecast", [{"total": 5, "pace": True}, {"total": 0, "pace": 1.0}])
def test_a_forecast_without_a_total_or_a_pace_counts_as_none(forecast: dict[str, Any]) -> None:
    assert of_job(replace(JOB, checkpoint={"forecast": forecast})) == Progress()


def test_a_count_of_one_is_shown() -> None:
    counts = {"page": 1, "posts": 1, "comments": 1, "authors": 1, "requests": 1, "given_up": 1}
    assert of_job(replace(JOB, checkpoint=counts)) == Progress(
        page=1, posts=1, comments=1, authors=1, requests=1, done=1, missing_parts=1
    )
