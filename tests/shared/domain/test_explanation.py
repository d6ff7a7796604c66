"""The explanation why a job runs or waits, and when it may start."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from crawljobs.domain.explanation import Explanation
from crawljobs.domain.job import ErrorKind, JobStatus, WaitReason
from support.explained_jobs import HOUR, JOB, NOW, explained, waiting


def unmet(found: Explanation) -> set[str]:
    return {one.name for one in found.conditions if not one.met}


@pytest.mark.parametrize(
    ("reason", "until"),
    [
        (WaitReason.PAUSED, None),
        (WaitReason.PAUSED, NOW + HOUR),
        (WaitReason.POLITENESS, NOW + HOUR),
        (WaitReason.OUTAGE, NOW + HOUR),
        (WaitReason.LATER, NOW + HOUR),
    ],
)
def test_a_waiting_job_waits_until_its_cause_ends(
    reason: WaitReason, until: datetime | None
) -> None:
    found = explained(waiting(reason, until))
    assert (found.until, found.estimated_start, found.position) == (until, until, None)
    assert unmet(found) == {"queued", "visible"}
    (visible,) = [one for one in found.conditions if one.name == "visible"]
    assert visible.value == ("no end is set" if until is None else until.isoformat())


@pytest.mark.parametrize(("seconds", "is_met"), [(-1, True), (0, True), (1, False)])
def test_a_wait_that_ends_now_is_over(seconds: int, is_met: bool) -> None:
    found = explained(waiting(WaitReason.LATER, NOW + timedelta(seconds=seconds)))
    assert ("visible" not in unmet(found)) is is_met


def test_a_queued_job_is_claimable_whatever_its_time_says() -> None:
    assert unmet(explained(replace(JOB, visible_at=NOW + HOUR))) == set()


@pytest.mark.parametrize("which", ["paused", "subreddit_paused"])
@pytest.mark.parametrize("until", [None, NOW + HOUR])
def test_a_paused_job_starts_at_the_end_of_the_pause_if_that_has_one(
    which: str, until: datetime | None
) -> None:
    around = {which: True, f"{which}_until": until}
    found = explained(JOB, **around)
    assert (found.until, found.estimated_start) == (until, until)
    unmet_one = "queue_not_paused" if which == "paused" else "subreddit_not_paused"
    assert unmet(found) == {unmet_one}


def test_of_two_pauses_the_one_that_ends_later_decides() -> None:
    both = {"paused": True, "subreddit_paused": True, "paused_until": NOW + HOUR}
    assert explained(**both, subreddit_paused_until=NOW + 2 * HOUR).estimated_start == (
        NOW + 2 * HOUR
    )
    assert explained(**both, subreddit_paused_until=None).estimated_start is None


def test_a_job_in_backoff_whose_subreddit_is_paused_has_no_start_in_sight() -> None:
    job = waiting(WaitReason.RETRY, NOW + HOUR)
    assert explained(job).estimated_start == NOW + HOUR
    found = explained(job, subreddit_paused=True, subreddit_paused_until=None)
    assert (found.until, found.estimated_start) == (NOW + HOUR, None)


def test_jobs_before_it_and_reddit_put_the_start_off() -> None:
    assert explained(ahead=4).estimated_start == NOW + timedelta(minutes=2)
    assert explained(ahead=4, reddit_until=NOW + HOUR).estimated_start == NOW + HOUR
    assert explained(ahead=4, starts_per_minute=0.0).estimated_start is None
    assert explained(workers_alive=0).estimated_start is None


@pytest.mark.parametrize("starts", [1e-3, 1e-300])
def test_a_start_is_estimated_for_a_year_ahead_at_most(starts: float) -> None:
    found = explained(ahead=10**9, starts_per_minute=starts)
    assert found.estimated_start == NOW + timedelta(days=365)


@pytest.mark.parametrize("at_least", [True, False])
@pytest.mark.parametrize("status", list(JobStatus))
def test_only_a_queued_job_has_a_place_and_a_bound_of_it(
    status: JobStatus, *, at_least: bool
) -> None:
    found = explained(replace(JOB, status=status), ahead=4, ahead_at_least=at_least)
    is_queued = status is JobStatus.QUEUED
    assert found.position == (5 if is_queued else None)
    assert found.position_at_least is (is_queued and at_least)


def test_a_finished_job_waits_for_nothing() -> None:
    found = explained(replace(JOB, status=JobStatus.SUCCEEDED, finished_at=NOW))
    assert (found.waits_for, found.until, found.estimated_start) == (None, None, None)


@pytest.mark.parametrize(
    ("reason", "waits_for"),
    [
        ("client_refused", "its id or address is blocked"),
        ("credentials_refused", "credentials that Reddit accepts"),
        ("outage", "the end of an outage"),
    ],
)
def test_a_pause_of_all_workers_is_explained_by_its_cause(reason: str, waits_for: str) -> None:
    told = explained(
        waiting(WaitReason.OUTAGE, NOW + HOUR),
        reddit_until=NOW + HOUR,
        reddit_reason=reason,
        reddit_detail="no connection to Reddit (certificate)",
    )
    assert waits_for in (told.waits_for or "")
    (reddit,) = [one for one in told.conditions if one.name == "reddit_available"]
    assert reason in reddit.value
    assert "(certificate)" in reddit.value


@pytest.mark.parametrize("reason", [WaitReason.RATE_LIMIT, WaitReason.OUTAGE])
def test_a_pause_by_a_429_is_named_with_its_end(reason: WaitReason) -> None:
    found = explained(waiting(reason, NOW + HOUR), reddit_until=NOW + HOUR)
    end = (NOW + HOUR).isoformat()
    assert found.summary == (
        f"It waits for the end of the pause of all workers until {end}: Reddit answered 429."
    )
    (reddit,) = [one for one in found.conditions if one.name == "reddit_available"]
    assert (reddit.met, reddit.value) == (False, f"{end}: Reddit answered 429")


def test_a_wait_for_a_slot_names_the_budget_while_no_pause_holds() -> None:
    found = explained(waiting(WaitReason.RATE_LIMIT, NOW + HOUR))
    assert found.summary == "It waits for Reddit's request budget."
    refused = explained(
        waiting(WaitReason.RATE_LIMIT, NOW + HOUR),
        reddit_until=NOW + HOUR,
        reddit_reason="client_refused",
    )
    assert "its id or address is blocked" in refused.summary


def test_a_wait_after_the_end_of_an_outage_does_not_name_the_outage() -> None:
    job = replace(
        waiting(WaitReason.OUTAGE, NOW + HOUR),
        error_kind=ErrorKind.DEFERRED,
        error_message="Reddit refuses the credentials",
    )
    found = explained(job)
    assert "reddit_available" not in unmet(found)
    assert found.summary == (
        "It waits for its next try: no pause of all workers is in force "
        "(a worker deferred it earlier: Reddit refuses the credentials)."
    )
