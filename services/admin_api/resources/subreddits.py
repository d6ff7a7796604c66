"""/api/admin/subreddits: stored subreddits, and the minimum times between their crawls."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, pagination, preconditions, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import enqueueing, subreddit_lookup
from admin_api.schemas.enqueue import EnqueuedSchema
from admin_api.schemas.subreddit import (
    SubredditDetailSchema,
    SubredditListSchema,
    SubredditSchema,
)
from admin_api.schemas.subreddit_change import EnqueueNowSchema, PolitenessSchema
from admin_api.schemas.subreddit_filter import SubredditParameters
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.job_filter import JobFilter
from crawljobs.domain.missing_part import STORED_MAX
from crawljobs.domain.subreddit import AccessState
from crawljobs.errors import InvalidSubredditName
from crawljobs.repository.content import (
    listing_gaps,
    missing_parts,
    politeness_gaps,
    subreddit_admin,
)
from crawljobs.repository.content.subreddit_rows import Subreddit
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_list, queue_pauses

PREFIX = "/api/admin/subreddits"
JOBS_SHOWN = 20
PARTS_SHOWN = 100
GAPS_SHOWN = 100

blueprint = Blueprint(
    "subreddits",
    __name__,
    url_prefix=PREFIX,
    description="Subreddits, by id or name",
    changes=Scope.JOBS,
)


@blueprint.get("")
@blueprint.parameters(SubredditParameters)
@blueprint.answers_page(SubredditListSchema, "One page of subreddits.")
def list_subreddits(params: dict[str, Any]) -> responses.Response:
    """List subreddits by name

    For a page, the API examines at most 2,000 subreddits. A page with `next` may therefore hold
    fewer subreddits than `limit`.
    """
    page = pagination.Page.requested("subreddits", params)
    access = params["access"]
    with state.current().database.read() as conn:
        found = subreddit_admin.list_subreddits(
            conn,
            access=None if access is None else AccessState(access),
            contains=params["name_contains"],
            incomplete=params["incomplete"],
            crawled_before=params["crawled_before"],
            after=None if page.after is None else str(page.after[0]),
            limit=page.limit,
        )
    return page.response_with(
        PREFIX, found.subreddits, next_at=None if found.next is None else [found.next]
    )


@blueprint.get("/<subreddit:subreddit>")
@blueprint.answers(200, SubredditDetailSchema, "The subreddit.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def show_subreddit(subreddit: str) -> responses.Response:
    """Show a subreddit, its freshness and its newest jobs"""
    with state.current().database.read() as conn:
        found = subreddit_lookup.found(conn, subreddit)
        jobs = job_list.list_jobs(
            conn, filters=JobFilter(subreddit_id=found.id), limit=JOBS_SHOWN
        ).jobs
        paused = queue_pauses.is_paused(conn, subreddit_id=found.id)
        parts = missing_parts.list_parts(conn, subreddit_id=found.id, at_most=STORED_MAX)
        gaps = listing_gaps.list_gaps(conn, subreddit_id=found.id, at_most=GAPS_SHOWN)
    body = {
        **vars(found),
        # This is the number of the listed parts. `found` has another number of missing parts, which
        # was read earlier and may differ.
        "missing_parts": len(parts),
        "incomplete": bool(parts),
        "paused": paused,
        "jobs": jobs,
        "missing": parts[:PARTS_SHOWN],
        "gap_ranges": gaps,
    }
    return body, 200, preconditions.etag(found.version)


@blueprint.patch("/<subreddit:subreddit>")
@blueprint.if_match(required=False)
@blueprint.body(PolitenessSchema, examples={"slowly": {"value": {"min_request_gap_seconds": 2.5}}})
@blueprint.answers(
    200, SubredditSchema, "The subreddit as it is now.", headers=preconditions.HEADER
)
@blueprint.problems("not_found")
def change_subreddit(params: dict[str, Any], subreddit: str) -> responses.Response:
    """Set a subreddit's minimum times between requests and between crawls"""
    actor = auth.current_actor()

    def work(conn: Connection) -> Subreddit:
        before = subreddit_lookup.found(conn, subreddit, lock=True)
        preconditions.check(before.version, required=False)
        gaps = {**_audited(before), **params}
        if gaps == _audited(before):
            return before
        politeness_gaps.set_politeness(
            conn,
            subreddit_id=before.id,
            request_gap=gaps["min_request_gap_seconds"],
            crawl_gap=gaps["min_crawl_gap_seconds"],
        )
        audit_log.record(
            conn,
            actor=actor,
            action="set_politeness",
            resource_type="subreddit",
            resource_id=before.id,
            before=_audited(before),
            after=gaps,
        )
        return subreddit_lookup.found(conn, str(before.id))

    after = state.current().database.run(work)
    return after, 200, preconditions.etag(after.version)


@blueprint.post("/<subreddit:subreddit>/enqueue")
@blueprint.body(EnqueueNowSchema, required=False, examples={"now": {"value": {"priority": 70}}})
@blueprint.answers(201, EnqueuedSchema, "A new job.", headers=enqueueing.LOCATION)
@blueprint.also_answers(
    200,
    EnqueuedSchema,
    "The subreddit's live job also serves this request.",
    headers=enqueueing.LOCATION,
)
@blueprint.problems("not_found")
def enqueue_subreddit(params: dict[str, Any], subreddit: str) -> responses.Response:
    """Crawl a known subreddit now"""
    with state.current().database.read() as conn:
        name = subreddit_lookup.found(conn, subreddit).name
    params = {**EnqueueNowSchema().load({}), **params}
    try:
        return enqueueing.enqueue_one(name, **params)
    except InvalidSubredditName as error:  # a stored name such as t:1337 cannot be crawled
        raise problems.refuse_value("/subreddit", str(error)) from None


def _audited(subreddit: Subreddit) -> dict[str, Any]:
    return {
        "min_request_gap_seconds": subreddit.min_request_gap_seconds,
        "min_crawl_gap_seconds": subreddit.min_crawl_gap_seconds,
    }
