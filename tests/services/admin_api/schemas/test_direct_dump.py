"""DirectDump returns the same values as dump() of marshmallow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import marshmallow as ma
import pytest
from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.job import JobSchema
from admin_api.schemas.job_detail import JobDetail, JobDetailSchema
from crawljobs.domain.attempt import Attempt, AttemptOutcome
from crawljobs.domain.job import ErrorKind, Job, JobSource, JobStatus, WaitReason

NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
NEW = Job(
    id=2**62, subreddit_id=7, subreddit="python", status=JobStatus.QUEUED, wait_reason=None,
    priority=60, base_priority=60, priority_ceiling=100, source=JobSource.USER,
    scheduled_job_id=None, depth=0, visible_at=NOW, waits_until=None, queued_at=NOW,
    created_at=NOW, finished_at=None, retry_count=0, retries=0, max_retries=3, next_retry_at=None,
    claimed_by=None, claimed_at=None, lease_expires_at=None, progress_at=None,
    rerun_requested=False, incomplete=False, outcome=None, error_kind=None, error_message=None,
    follow_up_of=None, follow_up_job_id=None, duration_seconds=None, checkpoint=None,
    traceparent=None, version=1,
)  # fmt: skip
CRAWLED = replace(
    NEW, status=JobStatus.CRAWLING, claimed_by="worker-1", claimed_at=NOW,
    lease_expires_at=NOW + timedelta(seconds=30), progress_at=NOW,
    traceparent=f"00-{'a' * 32}-{'b' * 16}-01",
    checkpoint={
        "v": 1, "phase": "posts", "posts": 250, "requests": 4,
        "forecast": {"total": 24, "pace": 1.5}, "given_up": 1,
        "missing": [
            {"kind": "tree", "item": "abc", "reason": "trouble", "message": "502", "failures": 1,
             "next_look_at": NOW.isoformat(), "seen_to": None},
            {"kind": "unreadable"},
        ],
    },
)  # fmt: skip
WAITING = replace(
    NEW, status=JobStatus.WAITING, wait_reason=WaitReason.RETRY, waits_until=NOW,
    error_kind=ErrorKind.RETRYABLE, error_message="502", retries=1, retry_count=1,
    follow_up_of=2**61, follow_up_job_id=2**60, duration_seconds=0.1 + 0.2,
    next_retry_at=NOW, scheduled_job_id=3, source=JobSource.SCHEDULE,
)  # fmt: skip
ATTEMPT = Attempt(
    id=1, job_id=1, worker="worker-1", started_at=NOW, ended_at=NOW,
    outcome=AttemptOutcome.FAILED, error_kind=ErrorKind.RETRYABLE, error_message="502", times=1,
    first_started_at=None,
)  # fmt: skip


def by_marshmallow(schema: ma.Schema, shown: Any) -> Any:
    return ma.Schema.dump(schema, shown)


@pytest.mark.parametrize("job", [NEW, CRAWLED, WAITING], ids=lambda job: job.status)
def test_a_job_looks_as_marshmallow_dumps_it(job: Job) -> None:
    dumped = JobSchema().dump(job)
    assert dumped == by_marshmallow(JobSchema(), job)
    assert list(dumped) == list(JobSchema().dump_fields)


def test_the_details_of_a_job_look_as_marshmallow_dumps_them() -> None:
    detail = JobDetail(**vars(CRAWLED), attempts=[ATTEMPT], audit_log=[], steps=[], steps_total=0)
    dumped = JobDetailSchema().dump(detail)
    assert dumped == by_marshmallow(JobDetailSchema(), detail)
    assert [part["item"] for part in dumped["missing"]] == ["abc"]
    assert [attempt["worker"] for attempt in dumped["attempts"]] == ["worker-1"]


class Shouted(fields.String):
    """A field whose own method converts values to upper case."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str:
        return str(value).upper()


class NoteSchema(DirectDump):
    text = Shouted(attribute="message")
    secret = fields.String(load_only=True)
    length = fields.Integer(data_key="characters")


class Note:
    message = "fine"
    length = 4


def test_names_conversions_and_fields_without_a_dump_are_as_declared() -> None:
    assert NoteSchema(many=True).dump([Note]) == [{"text": "FINE", "characters": 4}]
    assert NoteSchema(many=True).dump(Note, many=False) == by_marshmallow(NoteSchema(), Note)


@pytest.mark.parametrize("missing", ["message", "length"])
def test_a_missing_attribute_is_an_error_and_no_missing_key(missing: str) -> None:
    values = {"message": "fine", "length": 4}
    del values[missing]
    with pytest.raises(AttributeError, match=missing):
        NoteSchema().dump(type("Note", (), values))
