"""Filters of jobs, for lists and bulk changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import (
    INT8_MAX,
    Flag,
    PageParameters,
    Timestamp,
    Whole,
    described,
    subreddit,
    truth,
)
from admin_api.schemas.job import STATUSES, SUCCESS
from admin_api.schemas.known import Known, known
from crawljobs.domain import job
from crawljobs.domain.job_filter import JobSort

TEXT_MAX_CHARACTERS = 200


def _one_of(values: Known, text: str) -> fields.String:
    return fields.String(load_default=None, validate=values, metadata=described(text))


def _some_of(values: Known, text: str) -> fields.List[Any]:
    return fields.List(
        fields.String(validate=values),
        load_default=list,
        validate=validate.Length(max=20),
        metadata=described(text),
    )


def _number(text: str, *, least: int, most: int, strict: bool) -> fields.Integer:
    kind = Whole if strict else fields.Integer
    return kind(
        load_default=None,
        validate=validate.Range(min=least, max=most),
        metadata=described(text, **({"format": "int64"} if most == INT8_MAX else {})),
    )


def _time(text: str) -> Timestamp:
    return Timestamp(load_default=None, metadata=described(text))


def _text(text: str) -> fields.String:
    return fields.String(
        load_default=None,
        validate=validate.Length(min=1, max=TEXT_MAX_CHARACTERS),
        metadata=described(text),
    )


def filter_fields(*, strict: bool) -> dict[str, fields.Field[Any]]:
    """Return the filter fields of a JSON body if `strict` is true, otherwise of a query string."""
    return {
        "status": _some_of(
            Known("JobStatusFilter", [*STATUSES, SUCCESS]),
            "Only jobs in one of these states. `success` means `succeeded`.",
        ),
        "subreddit": subreddit(load_default=None),
        "schedule_id": _number(
            "Only jobs that this schedule enqueued.", least=1, most=INT8_MAX, strict=strict
        ),
        "group_id": _number(
            "Only jobs that steps of this group follow.", least=1, most=INT8_MAX, strict=strict
        ),
        "source": _some_of(known(job.JobSource), "Only jobs from one of these origins."),
        "priority_min": _number(
            "The lowest effective priority.", least=0, most=job.PRIORITY_MAX, strict=strict
        ),
        "priority_max": _number(
            "The highest effective priority.", least=0, most=job.PRIORITY_MAX, strict=strict
        ),
        "error_kind": _one_of(known(job.ErrorKind), "Only jobs whose last error was of this kind."),
        "error": _text("Only jobs whose last error contains this text; case does not matter."),
        "created_after": _time("Only jobs created at this time or later."),
        "created_before": _time("Only jobs created before this time."),
        "finished_after": _time("Only jobs finished at this time or later."),
        "finished_before": _time("Only jobs finished before this time."),
        "worker": _text("Only jobs that this worker crawls now."),
        "incomplete": (Flag if strict else truth)(
            load_default=None,
            metadata=described("true: only jobs whose crawl gave up a part; false: the others."),
        ),
    }


_SORT = (
    "`-created_at` (newest first) or `created_at`; `-finished_at` or `finished_at` for finished "
    "jobs; `-priority` for queued jobs in the order of claims; `visible_at` for waiting jobs by "
    "their next check, which is within one minute while the cause of the wait may change."
)

IDS_MAX = 100
_ListParameters = PageParameters.from_dict(
    {
        **filter_fields(strict=False),
        "sort": fields.String(
            load_default=JobSort.NEWEST.value,
            validate=known(JobSort),
            metadata=described(_SORT),
        ),
        "ids": fields.List(
            fields.Integer(
                validate=validate.Range(min=1, max=INT8_MAX), metadata={"format": "int64"}
            ),
            load_default=list,
            validate=validate.Length(min=1, max=IDS_MAX),
            metadata=described(
                "Only the jobs with these ids, at most 100, sorted by id, on one page. Jobs that "
                "do not exist are left out. Not together with other parameters.",
            ),
        ),
    },
    name="JobParameters",
)


class JobParameters(_ListParameters):  # type: ignore[misc, valid-type] # a class made at run time
    @ma.validates_schema(pass_original=True)
    def _ids_alone(self, _: Any, original: Mapping[str, Any], **__: Any) -> None:
        if "ids" in original and len(original) > 1:
            raise ma.ValidationError("not together with other parameters", "ids")


MatchParameters = ma.Schema.from_dict(filter_fields(strict=False), name="MatchParameters")

JobFilterSchema = ma.Schema.from_dict(filter_fields(strict=True), name="JobFilter")
