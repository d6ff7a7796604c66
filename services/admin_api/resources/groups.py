"""/api/admin/groups: create, list and show groups of crawls."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, pagination, preconditions, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import request_body
from admin_api.http.request.large_body_turns import one_at_a_time
from admin_api.resources import group_requests, job_filters
from admin_api.schemas.group import GroupListSchema, GroupOverviewSchema
from admin_api.schemas.group_edit import GroupBodySchema, GroupParameters
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.repository.groups import group_list, group_reads
from crawljobs.repository.groups.group_list import GroupFilterState, GroupPage

PREFIX = group_requests.GROUPS_PATH

blueprint = Blueprint(
    "groups",
    __name__,
    url_prefix=PREFIX,
    description="Groups of crawls that wait for one another",
    changes=Scope.JOBS,
)

LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of the group."}}
_CHAIN = {
    "name": "python and its neighbours",
    "steps": [
        {"subreddit": "python"},
        {"subreddit": "learnpython", "after": ["python"]},
        {"subreddit": "django", "after": ["python"]},
        {"key": "last", "subreddit": "flask", "after": "all", "on_upstream_failure": "proceed"},
    ],
}
_OPEN = {"name": "nightly map", "sealed": False}


@blueprint.post("")
@one_at_a_time
@blueprint.body(
    GroupBodySchema,
    examples={"steps": {"value": _CHAIN}, "open": {"value": _OPEN}},
    bounds=request_body.LARGE,
)
@blueprint.answers(
    201, GroupOverviewSchema, "The group.", headers={**LOCATION, **preconditions.HEADER}
)
@blueprint.problems("group_closed")
def create_group(params: dict[str, Any]) -> responses.Response:
    """Create a group of steps

    A step starts when all its upstreams have ended. Then a crawl of its subreddit is enqueued, or
    merged into the live job of the subreddit.

    Either all steps are stored or none. The response has the number of steps in each state. To list
    the steps, add `/steps` to the path in `Location`.
    """
    actor = auth.current_actor()
    steps = group_requests.step_requests(params["steps"] or ())
    sealed = params["steps"] is not None if params["sealed"] is None else params["sealed"]

    def work(conn: Connection) -> responses.Response:
        group = group_requests.create(conn, actor, name=params["name"], steps=steps, sealed=sealed)
        return shown(conn, group.id, status=201)

    with group_requests.plan_errors_as_problems():
        return state.current().database.run(work)


@blueprint.get("")
@blueprint.parameters(GroupParameters)
@blueprint.answers_page(GroupListSchema, "One page of groups.")
def list_groups(params: dict[str, Any]) -> responses.Response:
    """List groups, newest first

    A group must match all filters. For a page, the API examines at most 10,000 groups. A page with
    `next` may therefore hold fewer groups than `limit`, or none.
    """
    page = pagination.Page.requested("groups", params)
    with state.current().database.read() as conn:
        found = page_of(conn, params, page)
    return page.response_with(
        PREFIX, found.groups, next_at=None if found.next is None else [found.next]
    )


def page_of(conn: Connection, params: dict[str, Any], page: pagination.Page) -> GroupPage:
    """Return the groups of the page that the query parameters request."""
    subreddit = params["subreddit"]
    return group_list.list_groups(
        conn,
        name=params["name"],
        state=None if params["state"] is None else GroupFilterState(params["state"]),
        subreddit_id=None if subreddit is None else job_filters.subreddit_id(conn, name=subreddit),
        schedule_id=params["schedule_id"],
        before_id=page.last_id,
        limit=page.limit,
    )


@blueprint.get("/<id:group_id>")
@blueprint.answers(200, GroupOverviewSchema, "The group.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def show_group(group_id: int) -> responses.Response:
    """Show a group and its progress"""
    with state.current().database.read() as conn:
        return shown(conn, group_id)


def shown(conn: Connection, group_id: int, *, status: int = 200) -> responses.Response:
    """Return the group with its progress as a response. Raises a Problem if it is missing."""
    group = group_requests.current(conn, group_id)
    location = {"Location": f"{PREFIX}/{group.id}"} if status == 201 else {}
    headers = {**location, **preconditions.etag(group.version)}
    return group_reads.overview(conn, group), status, headers
