from pathlib import Path

import pytest

from crawljobs.domain import job, transitions
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import ErrorKind, WaitReason
from support.claims import CLAIM

STATES = Path(__file__).parents[3] / "docs" / "concepts" / "jobs.md"


def test_the_documented_transitions_are_those_of_the_code() -> None:
    rows = [
        f"| {verb} | {', '.join(sorted(sources))} | {', '.join(sorted(targets))} |"
        for verb, (sources, targets) in transitions.TRANSITIONS.items()
    ]
    assert "| verb | from | to |\n|---|---|---|\n" + "\n".join(rows) + "\n" in STATES.read_text()


@pytest.mark.parametrize(
    ("source", "ceiling"),
    [
        (job.JobSource.USER, 100),
        (job.JobSource.SCHEDULE, 100),
        (job.JobSource.DISCOVERY, 40),
        (job.JobSource.STALE, 40),
    ],
)
def test_background_work_has_a_lower_ceiling_and_steps_back(
    source: job.JobSource, ceiling: int
) -> None:
    assert job.priority_ceiling(source) == ceiling
    for priority in (0, 5, 40, 41, 50, 100):
        # A priority above the ceiling comes from a person who requested the same crawl.
        expected = ceiling == 40 and priority <= 40
        assert claim(source, priority).is_background is expected, priority


def claim(source: job.JobSource, priority: int) -> Claim:
    return CLAIM._replace(source=source, priority=priority)


def test_every_status_is_live_or_final() -> None:
    assert set(job.JobStatus) == job.LIVE | job.FINAL
    assert not job.LIVE & job.FINAL


def test_a_wait_for_a_clear_reply_is_stored_as_the_previous_release_knows_it() -> None:
    stored = {reason: reason.stored for reason in WaitReason}
    assert stored.pop(WaitReason.UNCLEAR) == "retry"
    assert stored == {reason: reason.value for reason in stored}
    for kind in (None, *ErrorKind):
        for reason in stored:
            if (reason, kind) != (WaitReason.RETRY, ErrorKind.DEFERRED):
                assert WaitReason.of(reason.stored, kind) is reason
    assert WaitReason.of("retry", "deferred") is WaitReason.UNCLEAR
    assert WaitReason.of(None, "deferred") is None


def test_a_reason_of_a_later_release_is_kept() -> None:
    reason = WaitReason.of("moonphase", None)
    assert (reason, str(reason)) == ("moonphase", "moonphase")
    assert reason is not None
    assert (reason.value, reason.stored) == ("moonphase", "moonphase")
    assert "moonphase" not in list(WaitReason)
    with pytest.raises(ValueError, match="7 is not a valid WaitReason"):
        WaitReason(7)
