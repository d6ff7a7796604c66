"""/api/admin/jobs/{id}/overview: the page of one job, in one answer."""

from __future__ import annotations

import flask

from admin_api.http import state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.resources import enqueueing, job_details
from admin_api.schemas.job_overview import JobOverview, JobOverviewSchema
from crawljobs.domain import crawl_phases, explanation, job_progress
from crawljobs.domain.api_token import Scope
from crawljobs.repository.queue.explained import job_explain

# Values that change only because time passes. They do not change the ETag.
MOVING = frozenset({"as_of", "estimated_start"})

blueprint = Blueprint(
    "job overview",
    __name__,
    url_prefix=f"{enqueueing.JOBS_PATH}/<id:job_id>",
    description="The page of one job",
    changes=Scope.JOBS,
)
_schema = JobOverviewSchema()


@blueprint.get("/overview")
@blueprint.may_be_unchanged
@blueprint.answers(200, JobOverviewSchema, "The job.", headers=conditional.HEADERS)
@blueprint.problems("not_found")
def show_job_overview(job_id: int) -> flask.Response:
    """Show a job with its attempts, its explanation and its progress

    The answer has all data of a page that clients read again and again: the job without its
    checkpoint, its attempts, the explanation with remedies, the phases of the crawl, the steps of
    groups and the changes by operators.

    With If-None-Match, the answer is 304 while nothing has changed. The ETag is not valid for
    If-Match: for If-Match, send `version` in quotes.
    """
    with state.current().database.read() as conn:
        job = job_details.found(conn, job_id)
        around = job_explain.surroundings(conn, job=job)
        detail = job_details.detail_of(conn, job)
    shown = JobOverview(
        **vars(detail),
        explanation=explanation.explain(job, around),
        phases=crawl_phases.of_job(job),
        requests_per_minute=job_progress.requests_per_minute(job),
        as_of=around.now,
    )
    return conditional.respond(conditional.answer(_schema.dump(shown), moving=MOVING))
