"""/api/admin/groups/{id}/steps: add, list and show the steps of a group."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, pagination, preconditions, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import request_body
from admin_api.http.request.large_body_turns import one_at_a_time
from admin_api.resources import group_requests, groups, job_filters
from admin_api.schemas.group import GroupOverviewSchema
from admin_api.schemas.group_edit import StepParameters, StepsBodySchema
from admin_api.schemas.step import StepListSchema, StepSchema
from admin_api.schemas.step_explanation import StepExplanationSchema
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.group import StepState
from crawljobs.domain.step import Step
from crawljobs.domain.step_explanation import StepExplanation
from crawljobs.repository.groups import group_reads, step_list
from crawljobs.repository.groups.explained import step_causes

blueprint = Blueprint(
    "group_steps",
    __name__,
    url_prefix=f"{groups.PREFIX}/<id:group_id>/steps",
    description="Steps of groups",
    changes=Scope.JOBS,
)


@blueprint.post("")
@one_at_a_time
@blueprint.if_match(required=False)
@blueprint.body(
    StepsBodySchema,
    examples={
        "one": {"value": {"steps": [{"key": "again", "subreddit": "golang"}]}},
        "after": {
            "value": {"steps": [{"subreddit": "rust", "after": ["again"]}]},
        },
    },
    bounds=request_body.LARGE,
)
@blueprint.answers(200, GroupOverviewSchema, "The group.", headers=preconditions.HEADER)
@blueprint.problems("not_found", "group_closed")
def add_group_steps(params: dict[str, Any], group_id: int) -> responses.Response:
    """Add steps to a group that is not sealed

    The steps may wait for one another and for stored steps of the group. Either all steps are
    stored or none.
    """
    actor = auth.current_actor()
    steps = group_requests.step_requests(params["steps"])

    def work(conn: Connection) -> responses.Response:
        before = group_requests.locked_with(conn, group_id, steps)
        preconditions.check(before.version, required=False)
        group_requests.add_steps(conn, actor, before, steps)
        return groups.shown(conn, group_id)

    with group_requests.plan_errors_as_problems():
        return state.current().database.run(work)


@blueprint.get("")
@blueprint.parameters(StepParameters)
@blueprint.answers_page(StepListSchema, "One page of steps.")
@blueprint.problems("not_found")
def list_group_steps(params: dict[str, Any], group_id: int) -> responses.Response:
    """List the steps of a group, in the order in which they were added"""
    page = pagination.Page.requested(f"steps of {group_id}", params)
    with state.current().database.read() as conn:
        if group_reads.get_group(conn, group_id=group_id) is None:
            raise group_requests.no_such_group(group_id)
        subreddit = params["subreddit"]
        found = step_list.list_steps(
            conn,
            group_id=group_id,
            states=[StepState(name) for name in params["state"]],
            subreddit_id=None
            if subreddit is None
            else job_filters.subreddit_id(conn, name=subreddit),
            after_id=page.last_id,
            limit=page.rows_to_fetch,
        )
    return page.response(f"{groups.PREFIX}/{group_id}/steps", found)


@blueprint.get("/<key:step_key>")
@blueprint.answers(200, StepSchema, "The step.")
@blueprint.problems("not_found")
def show_group_step(group_id: int, step_key: str) -> Step:
    """Show a step of a group"""
    with state.current().database.read() as conn:
        found = step_list.get_step(conn, group_id=group_id, key=step_key)
    if found is None:
        raise no_such_step(group_id, step_key)
    return found


@blueprint.get("/<key:step_key>/explain")
@blueprint.answers(200, StepExplanationSchema, "Why the step has its state.")
@blueprint.problems("not_found")
def explain_group_step(group_id: int, step_key: str) -> StepExplanation:
    """Explain why a step has not started, or why it was held or skipped

    Shows the upstreams that are open or did not succeed. For each of these steps, jobs and groups,
    also shows its own upstreams, down to the root causes.
    """
    with state.current().database.read() as conn:
        found = step_causes.explain_step(conn, group_id=group_id, key=step_key)
    if found is None:
        raise no_such_step(group_id, step_key)
    return found


def no_such_step(group_id: int, key: str) -> problems.Problem:
    return problems.Problem("not_found", f"There is no step {key} in group {group_id}.")
