"""The rules by which steps and groups end."""

import itertools

import pytest

from crawljobs.domain.group import (
    FINAL,
    OPEN,
    REASON_MAX,
    STEP_TRANSITIONS,
    GroupOutcome,
    JobState,
    RequiredOutcome,
    StepEnd,
    StepState,
    UpstreamFailure,
    decide,
    end_of_job,
    end_of_step,
    end_of_upstream_group,
    end_of_upstream_step,
    outcome_of_group,
)
from crawljobs.domain.job import FINAL as FINAL_JOBS
from crawljobs.domain.job import JobStatus

S = StepState


def test_every_state_can_be_reached_and_left() -> None:
    assert set(STEP_TRANSITIONS) == set(StepState)
    assert {after for states in STEP_TRANSITIONS.values() for after in states} == set(StepState)
    assert set(StepState) == OPEN | FINAL


@pytest.mark.parametrize("status", [each for each in JobStatus if each not in FINAL_JOBS])
def test_a_live_job_is_no_end(status: JobStatus) -> None:
    assert end_of_job(JobState(7, status)) is None
    assert end_of_step(JobState(7, status), RequiredOutcome.COMPLETE) is None


@pytest.mark.parametrize(
    ("job", "end"),
    [
        (JobState(7, None), StepEnd(S.CANCELLED, "job 7 was deleted")),
        (JobState(7, JobStatus.SUCCEEDED, "banned"), StepEnd(S.SUCCEEDED)),
        (JobState(7, JobStatus.CANCELLED), StepEnd(S.CANCELLED, "job 7 was cancelled")),
        (
            JobState(7, JobStatus.CANCELLED, cancelled_by="ada"),
            StepEnd(S.CANCELLED, "job 7 was cancelled by ada"),
        ),
        (
            JobState(7, JobStatus.FAILED, error="HTTP 500"),
            StepEnd(S.FAILED, "job 7 failed: HTTP 500"),
        ),
        (JobState(7, JobStatus.FAILED), StepEnd(S.FAILED, "job 7 failed")),
    ],
)
def test_the_end_of_a_job_is_the_end_of_its_step(job: JobState, end: StepEnd) -> None:
    assert end_of_job(job) == end
    assert end_of_step(job, RequiredOutcome.ANY) == end


@pytest.mark.parametrize(
    ("outcome", "incomplete", "crawled", "complete"),
    [
        ("crawled", False, S.SUCCEEDED, S.SUCCEEDED),
        ("crawled", True, S.SUCCEEDED, S.FAILED),
        ("no_budget", False, S.FAILED, S.FAILED),
        ("private", False, S.FAILED, S.FAILED),
        (None, False, S.FAILED, S.FAILED),
    ],
)
def test_a_step_can_require_an_outcome(
    outcome: str | None, incomplete: bool, crawled: S, complete: S
) -> None:
    job = JobState(7, JobStatus.SUCCEEDED, outcome, incomplete)
    for required, state in (
        (RequiredOutcome.CRAWLED, crawled),
        (RequiredOutcome.COMPLETE, complete),
    ):
        end = end_of_step(job, required)
        assert end is not None
        assert (end.state, end.reason is None) == (state, state is S.SUCCEEDED)


def test_a_failed_job_fails_its_step_with_any_required_outcome() -> None:
    job = JobState(7, JobStatus.FAILED, error="x")
    assert all(end_of_step(job, each) == end_of_job(job) for each in RequiredOutcome)


def test_a_reason_is_short_however_long_the_chain() -> None:
    end = end_of_job(JobState(7, JobStatus.FAILED, error="e" * 2_000))
    assert end is not None
    reason = end.reason
    state = end.state
    for at in range(50):
        upstream = end_of_upstream_step(f"step{at}", state, reason)
        assert upstream is not None
        skipped = decide(UpstreamFailure.CANCEL, upstream.reason, proceeds=False)
        assert skipped is not None
        state, reason = skipped.state, skipped.reason
        assert reason is not None
        assert len(reason) <= REASON_MAX
        assert reason.startswith("step step0 failed: job 7 failed")


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_open_upstream_is_no_end(state: StepState) -> None:
    assert end_of_upstream_step("a", state, "why") is None
    assert end_of_upstream_group(3, None) is None


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("succeeded", S.SUCCEEDED),
        ("partly", S.FAILED),
        ("failed", S.FAILED),
        ("cancelled", S.CANCELLED),
    ],
)
def test_a_group_ends_the_waits_for_it(outcome: str, state: StepState) -> None:
    end = end_of_upstream_group(3, outcome)
    assert end is not None
    assert end.state is state
    assert (end.reason is None) == (state is S.SUCCEEDED)


@pytest.mark.parametrize(
    ("policy", "failed", "proceeds", "state"),
    [
        *((policy, None, False, None) for policy in UpstreamFailure),
        (UpstreamFailure.CANCEL, "a failed", False, S.SKIPPED),
        (UpstreamFailure.PROCEED, "a failed", False, None),
        (UpstreamFailure.HOLD, "a failed", False, S.HELD),
        (UpstreamFailure.HOLD, "a failed", True, None),
        (UpstreamFailure.CANCEL, "a failed", True, None),
    ],
)
def test_the_policy_decides_about_a_step_whose_upstream_failed(
    policy: UpstreamFailure, failed: str | None, proceeds: bool, state: StepState | None
) -> None:
    end = decide(policy, failed, proceeds=proceeds)
    assert end == (None if state is None else StepEnd(state, failed))


def expected(succeeded: int, failed: int, cancelled: int, skipped: int, *, by_hand: bool) -> str:
    if not failed + cancelled + skipped:
        return "succeeded"
    if by_hand:
        return "cancelled"
    if succeeded:
        return "partly"
    return "cancelled" if cancelled and not failed else "failed"


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("counts", [*itertools.product((0, 2), repeat=4)])
def test_the_outcome_of_a_group_follows_from_its_counts(
    counts: tuple[int, int, int, int], by_hand: bool
) -> None:
    by_state = dict(zip((S.SUCCEEDED, S.FAILED, S.CANCELLED, S.SKIPPED), counts, strict=True))
    found = outcome_of_group(by_state, cancelled=by_hand)
    assert found is GroupOutcome(expected(*counts, by_hand=by_hand))
