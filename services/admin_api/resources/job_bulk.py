"""/api/admin/jobs/bulk/...: changes of many jobs at once."""

from __future__ import annotations

from typing import Any

from admin_api.http import responses
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import request_body
from admin_api.resources import bulk_changes, enqueueing, job_changes
from admin_api.schemas.bulk import (
    BulkBoostSchema,
    BulkResultSchema,
    BulkSchema,
    BulkStatusSchema,
)
from crawljobs.domain.api_token import Scope
from crawljobs.domain.job import JobStatus
from crawljobs.domain.operator_verbs import Verb

blueprint = Blueprint(
    "bulk changes of jobs",
    __name__,
    url_prefix=f"{enqueueing.JOBS_PATH}/bulk",
    description="Changes of many jobs at once",
    changes=Scope.JOBS,
)

_BY_IDS = {"ids": {"value": {"job_ids": [1], "dry_run": True}}}
_ALL = "Every job was changed, or a dry run found that it would be."
_SOME = "Some jobs could not be changed: see the items."


@blueprint.put("/status")
@blueprint.body(
    BulkStatusSchema,
    examples={
        "ids": {"value": {"job_ids": [1], "status": "cancelled", "dry_run": True}},
        "filter": {
            "value": {
                "filter": {"status": ["failed"], "error_kind": "retryable"},
                "expected_count": 12,
                "status": "queued",
            }
        },
    },
    bounds=request_body.MANY,
)
@blueprint.answers(200, BulkResultSchema, _ALL)
@blueprint.also_answers(207, BulkResultSchema, _SOME)
@blueprint.problems("count_mismatch", "too_many_matches")
def change_job_statuses(params: dict[str, Any]) -> responses.Response:
    """Set the state of many jobs

    A job stays unchanged if its state does not allow the transition. The item of this job in the
    response then reports the problem.
    """
    if params["status"] != JobStatus.QUEUED:
        return bulk_changes.apply(params, job_changes.verb_for(params["status"], None))
    return bulk_changes.apply(params, None)


@blueprint.post("/retry")
@blueprint.body(BulkSchema, examples=_BY_IDS, bounds=request_body.MANY)
@blueprint.answers(200, BulkResultSchema, _ALL)
@blueprint.also_answers(207, BulkResultSchema, _SOME)
@blueprint.problems("count_mismatch", "too_many_matches")
def retry_jobs(params: dict[str, Any]) -> responses.Response:
    """Queue many finished jobs again

    If several of the jobs belong to one subreddit, only the newest of them is retried. If the
    subreddit has another live job, none of them is retried. In this case, the item of the job in
    the response has a problem with the id of the live job.
    """
    return bulk_changes.apply(params, Verb.RETRY)


@blueprint.post("/boost")
@blueprint.body(
    BulkBoostSchema,
    examples={"ids": {"value": {"job_ids": [1], "boost": 20, "dry_run": True}}},
    bounds=request_body.MANY,
)
@blueprint.answers(200, BulkResultSchema, _ALL)
@blueprint.also_answers(207, BulkResultSchema, _SOME)
@blueprint.problems("count_mismatch", "too_many_matches")
def boost_jobs(params: dict[str, Any]) -> responses.Response:
    """Raise the priority of many live jobs"""
    return bulk_changes.apply(params, Verb.BOOST, points=params["boost"])


@blueprint.post("/cancel")
@blueprint.body(BulkSchema, examples=_BY_IDS, bounds=request_body.MANY)
@blueprint.answers(200, BulkResultSchema, _ALL)
@blueprint.also_answers(207, BulkResultSchema, _SOME)
@blueprint.problems("count_mismatch", "too_many_matches")
def cancel_jobs(params: dict[str, Any]) -> responses.Response:
    """Cancel many live jobs"""
    return bulk_changes.apply(params, Verb.CANCEL)


@blueprint.post("/wake")
@blueprint.body(BulkSchema, examples=_BY_IDS, bounds=request_body.MANY)
@blueprint.answers(200, BulkResultSchema, _ALL)
@blueprint.also_answers(207, BulkResultSchema, _SOME)
@blueprint.problems("count_mismatch", "too_many_matches")
def wake_jobs(params: dict[str, Any]) -> responses.Response:
    """Make many waiting jobs claimable now"""
    return bulk_changes.apply(params, Verb.WAKE)
