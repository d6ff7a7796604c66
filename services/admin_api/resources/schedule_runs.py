"""Runs of schedules: the ledger of past runs, manual runs, previews of future runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import flask

from admin_api.http import api_counters, auth, pagination, preconditions, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import (
    enqueueing,
    group_requests,
    groups,
    schedule_edits,
    schedule_group_runs,
    schedules,
)
from admin_api.schemas.enqueue import EnqueuedSchema
from admin_api.schemas.group import GroupOverviewSchema
from admin_api.schemas.schedule_run import (
    PreviewRequestSchema,
    PreviewSchema,
    RunListSchema,
    RunParameters,
)
from crawljobs.db.database import Connection
from crawljobs.domain import cron, job, schedule_preview
from crawljobs.domain.api_token import Scope
from crawljobs.errors import InvalidSubredditName
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_reads
from crawljobs.repository.schedules import manual_run, schedule_changes, schedule_ledger
from crawljobs.repository.schedules import schedule_reads as repository
from crawljobs.repository.schedules.schedule_ledger import LedgerRow
from crawljobs.runtime import tracing

PREFIX = schedules.PREFIX

blueprint = Blueprint(
    "schedule runs",
    __name__,
    url_prefix=PREFIX,
    description="Ledger, manual runs and previews of schedules",
    changes=Scope.SCHEDULES,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@blueprint.post("/<id:schedule_id>/run")
@blueprint.if_match(required=False)
@blueprint.answers(201, EnqueuedSchema, "A new job.", headers=enqueueing.LOCATION)
@blueprint.also_answers(
    200,
    EnqueuedSchema,
    "The subreddit's live job also serves this run.",
    headers=enqueueing.LOCATION,
)
@blueprint.also_answers(
    202, GroupOverviewSchema, "The group of a schedule with steps.", headers=groups.LOCATION
)
@blueprint.problems("not_found", "subreddit_gone", "group_unfinished")
def run_schedule(schedule_id: int) -> responses.Response | flask.Response:
    """Run a schedule now

    The run is independent of the timetable. It also works for a disabled schedule. The ledger shows
    the run as `manual`. A schedule with steps runs only if its last group has finished.
    """
    actor = auth.current_actor()
    default = state.current().max_retries

    def work(conn: Connection) -> tuple[job.Enqueued, job.Job] | flask.Response:
        schedule = schedule_edits.locked(conn, schedule_id)
        preconditions.check(schedule.version, required=False)
        if schedule.steps is not None:
            return schedule_group_runs.run(conn, actor, schedule)
        with tracing.span("enqueue", tracing.Kind.PRODUCER) as span:
            enqueued = manual_run.run_now(
                conn,
                schedule=schedule,
                default_max_retries=default,
                traceparent=str(span.context),
            )
            enqueueing.describe_results(span, [enqueued])
        api_counters.enqueued(conn, [enqueued], job.JobSource.SCHEDULE)
        audit_log.record(
            conn,
            actor=actor,
            action="run",
            resource_type="scheduled_job",
            resource_id=schedule_id,
            after={"result": enqueued.result, "job_id": enqueued.job_id},
        )
        found = job_reads.get_job(conn, job_id=enqueued.job_id)
        if found is None:
            raise AssertionError("the row is locked by this transaction")
        return enqueued, found

    try:
        with group_requests.plan_errors_as_problems():
            result = state.current().database.run(work)
    except InvalidSubredditName as error:
        raise problems.Problem("subreddit_gone", str(error)) from None
    if isinstance(result, flask.Response):
        return result
    enqueued, found = result
    status = 201 if enqueued.result is job.EnqueueResult.CREATED else 200
    return (
        {"result": enqueued.result, "job": found},
        status,
        {"Location": f"{enqueueing.JOBS_PATH}/{found.id}"},
    )


@blueprint.get("/<id:schedule_id>/runs")
@blueprint.parameters(RunParameters)
@blueprint.answers_page(RunListSchema, "One page of the ledger.")
@blueprint.problems("not_found")
def list_schedule_runs(params: dict[str, Any], schedule_id: int) -> responses.Response:
    """List the due times of a schedule with their outcomes, latest first

    An entry stands for one due time, or for several missed due times in a row.
    """
    page = pagination.Page.requested(f"runs of {schedule_id}", params)
    with state.current().database.read() as conn:
        if repository.get_schedule(conn, schedule_id=schedule_id) is None:
            raise problems.Problem("not_found", f"There is no schedule {schedule_id}.")
        found = schedule_ledger.list_runs(
            conn,
            schedule_id=schedule_id,
            before=None if page.last_id is None else _EPOCH + page.last_id * _MICROSECOND,
            limit=page.rows_to_fetch,
        )
    return page.response(f"{PREFIX}/{schedule_id}/runs", found, position=_position)


def _position(row: LedgerRow) -> int:
    return (row.due_at - _EPOCH) // _MICROSECOND


@blueprint.post("/preview")
@blueprint.body(
    PreviewRequestSchema,
    examples={
        "nightly": {
            "value": {"cron_expression": "30 2 * * *", "timezone": "Europe/Vienna", "count": 3}
        }
    },
)
@blueprint.answers(200, PreviewSchema, "The meaning of the expression.")
def preview_schedule(params: dict[str, Any]) -> dict[str, Any]:
    """Show the next due times of a cron expression

    The API stores nothing. `@every` intervals begin now. A schedule with `spread_seconds` runs
    later than these times, by a fixed delay of at most `spread_seconds`.
    """
    with schedule_edits.domain_errors_as_problems():
        parsed = cron.parse(params["cron_expression"], params["timezone"])
    now = state.current().database.run(schedule_changes.clock)
    return {
        "cron_expression": parsed.expression,
        "timezone": params["timezone"],
        "description": cron.describe(parsed.expression),
        "next_runs": list(schedule_preview.upcoming(parsed, now=now, count=params["count"])),
    }
