"""/api/admin/jobs/{id}/...: changes of one job."""

from __future__ import annotations

from typing import Any

from admin_api.http import api_counters, auth, preconditions, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import enqueueing, job_conflicts
from admin_api.schemas.job import JobSchema
from admin_api.schemas.job_change import (
    BoostChangeSchema,
    DeleteParameters,
    PriorityChangeSchema,
    StatusChangeSchema,
)
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.job import Job, JobStatus
from crawljobs.domain.operator_verbs import Verb
from crawljobs.errors import IllegalTransition, LiveJobExists, NotFound, StepDependsOnJob
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import operator_changes
from crawljobs.runtime import tracing

blueprint = Blueprint(
    "changes of jobs",
    __name__,
    url_prefix=f"{enqueueing.JOBS_PATH}/<id:job_id>",
    description="Changes of one job",
    changes=Scope.JOBS,
)

# The name of each verb in the column `action` of the audit log.
ACTIONS = {verb: verb.name.lower() for verb in Verb}
_AS_IT_IS = "The job as it is now."


def verb_for(status: str, before: Job | None) -> Verb:
    """Return the verb (such as retry) that leads to a state.

    `before` is the job before the change. It matters only for the state `queued`: a waiting job is
    woken, any other job is retried.
    """
    if status == JobStatus.CANCELLED:
        return Verb.CANCEL
    if status == JobStatus.FAILED:
        return Verb.GIVE_UP
    return Verb.WAKE if before is not None and before.status is JobStatus.WAITING else Verb.RETRY


def _change(
    job_id: int, verb: Verb | str, *, points: int | None = None, force: bool = False
) -> responses.Response:
    """Change a job, write an audit row, and return the changed job as a response.

    `verb` is a Verb, or the name of the job's new state, from which `verb_for` chooses the Verb.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> operator_changes.JobChange:
        before = operator_changes.lock_job(conn, job_id=job_id)
        if before is not None:
            preconditions.check(before.version, required=False)
        chosen = verb if isinstance(verb, Verb) else verb_for(verb, before)
        changed = operator_changes.change(
            conn,
            verb=chosen,
            job_id=job_id,
            points=points,
            traceparent=tracing.traceparent(),
            actor=actor.name,
            force=force,
        )
        api_counters.finished(conn, [changed])
        if changed.changes_nothing:
            return changed
        audit_log.record(
            conn,
            actor=actor,
            action=ACTIONS[chosen],
            resource_type="crawl_job",
            resource_id=job_id,
            before=None if changed.before is None else enqueueing.audited(changed.before),
            after=None if changed.after is None else enqueueing.audited(changed.after),
        )
        return changed

    try:
        changed = state.current().database.run(work)
    except (NotFound, IllegalTransition, LiveJobExists, StepDependsOnJob) as error:
        raise job_conflicts.problem_of(error) from None
    version = 0 if changed.after is None else changed.after.version
    return changed.after, 200, preconditions.etag(version)


@blueprint.post("/boost")
@blueprint.if_match(required=False)
@blueprint.body(BoostChangeSchema, examples={"boost": {"value": {"boost": 20}}})
@blueprint.answers(200, JobSchema, _AS_IT_IS, headers=preconditions.HEADER)
@blueprint.problems("not_found", "illegal_transition")
def boost_job(params: dict[str, Any], job_id: int) -> responses.Response:
    """Raise the priority of a live job"""
    return _change(job_id, Verb.BOOST, points=params["boost"])


@blueprint.put("/priority")
@blueprint.if_match(required=False)
@blueprint.body(PriorityChangeSchema, examples={"high": {"value": {"priority": 70}}})
@blueprint.answers(200, JobSchema, _AS_IT_IS, headers=preconditions.HEADER)
@blueprint.problems("not_found", "illegal_transition")
def change_job_priority(params: dict[str, Any], job_id: int) -> responses.Response:
    """Set the priority of a live job"""
    return _change(job_id, Verb.CHANGE_PRIORITY, points=params["priority"])


@blueprint.put("/status")
@blueprint.if_match(required=False)
@blueprint.body(StatusChangeSchema, examples={"cancel": {"value": {"status": "cancelled"}}})
@blueprint.answers(200, JobSchema, _AS_IT_IS, headers=preconditions.HEADER)
@blueprint.problems("not_found", "illegal_transition", "live_job_exists")
def change_job_status(params: dict[str, Any], job_id: int) -> responses.Response:
    """Set the state of a job

    Makes the transition that leads to the state: retry, wake, give_up or cancel.
    """
    return _change(job_id, str(params["status"]))


@blueprint.post("/retry")
@blueprint.if_match(required=False)
@blueprint.answers(200, JobSchema, _AS_IT_IS, headers=preconditions.HEADER)
@blueprint.problems("not_found", "illegal_transition", "live_job_exists")
def retry_job(job_id: int) -> responses.Response:
    """Queue a finished job again

    The job gets all its retries again. If its subreddit has another live job, the response is a
    problem with the status 409 that names the live job.
    """
    return _change(job_id, Verb.RETRY)


@blueprint.post("/wake")
@blueprint.if_match(required=False)
@blueprint.answers(200, JobSchema, _AS_IT_IS, headers=preconditions.HEADER)
@blueprint.problems("not_found", "illegal_transition")
def wake_job(job_id: int) -> responses.Response:
    """Make a waiting job claimable now"""
    return _change(job_id, Verb.WAKE)


@blueprint.post("/cancel")
@blueprint.if_match(required=False)
@blueprint.answers(200, JobSchema, _AS_IT_IS, headers=preconditions.HEADER)
@blueprint.problems("not_found", "illegal_transition")
def cancel_job(job_id: int) -> responses.Response:
    """Cancel a live job

    A running crawl stops at its next page.
    """
    return _change(job_id, Verb.CANCEL)


@blueprint.post("/give_up")
@blueprint.if_match(required=False)
@blueprint.answers(200, JobSchema, _AS_IT_IS, headers=preconditions.HEADER)
@blueprint.problems("not_found", "illegal_transition")
def give_up_job(job_id: int) -> responses.Response:
    """Fail a live job"""
    return _change(job_id, Verb.GIVE_UP)


@blueprint.delete("")
@blueprint.if_match(required=False)
@blueprint.parameters(DeleteParameters)
@blueprint.answers_nothing("The job and its attempts are deleted. Its audit rows stay.")
@blueprint.problems("not_found", "illegal_transition", "job_awaited")
def delete_job(params: dict[str, Any], job_id: int) -> tuple[str, int]:
    """Delete a finished job

    While an open step of a group follows the job or waits for it, the response is a problem with
    the status 409. With `force`, the delete counts as a cancel for these steps.
    """
    _change(job_id, Verb.DELETE, force=params["force"])
    return "", 204
