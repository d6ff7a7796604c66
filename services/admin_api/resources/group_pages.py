"""/api/admin/groups/rows and .../{id}/overview: groups for pages that are read again and again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import flask

from admin_api.http import pagination, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.resources import group_requests, groups, step_stages
from admin_api.schemas.group_detail import (
    GroupDetail,
    GroupDetailSchema,
    GroupRow,
    GroupRowListSchema,
)
from admin_api.schemas.group_edit import GroupParameters
from crawljobs.domain import group_obstacles, group_pace
from crawljobs.domain.api_token import Scope
from crawljobs.repository.groups import group_reads
from crawljobs.repository.groups.explained import open_causes, step_graph
from crawljobs.repository.groups.explained.step_graph import (
    GRAPH_MAX,
)
from crawljobs.repository.schedules import schedule_changes

# Values that change only because time passes. They do not change the ETag.
MOVING = frozenset({"as_of", "eta", "per_minute", "steps_per_minute", "burn_up"})

blueprint = Blueprint(
    "group pages",
    __name__,
    url_prefix=groups.PREFIX,
    description="Groups for pages that are read again and again",
    changes=Scope.JOBS,
)
_detail, _rows = GroupDetailSchema(), GroupRowListSchema()


@blueprint.get("/rows")
@blueprint.parameters(GroupParameters)
@blueprint.answers_page(GroupRowListSchema, "One page of groups in their short form.")
def list_group_rows(params: dict[str, Any]) -> flask.Response:
    """List groups in their short form, newest first

    The filters are those of the list of groups. Each item also has the progress of the group. With
    If-None-Match, the answer is 304 while nothing has changed except the pace and the expected ends
    of the groups.
    """
    page = pagination.Page.requested("group rows", params)
    with state.current().database.read() as conn:
        found = groups.page_of(conn, params, page)
        now = schedule_changes.clock(conn)
    items = [
        GroupRow(
            **vars(group),
            state=group_pace.state_of(group),
            progress=group_pace.progress_of(group, now=now),
        )
        for group in found.groups
    ]
    body, _, headers = page.response_with(
        f"{groups.PREFIX}/rows", items, next_at=None if found.next is None else [found.next]
    )
    response = conditional.respond(conditional.answer(_rows.dump(body), moving=MOVING))
    response.headers.extend(headers)
    return response


@blueprint.get("/<id:group_id>/overview")
@blueprint.may_be_unchanged
@blueprint.answers(200, GroupDetailSchema, "The group.", headers=conditional.HEADERS)
@blueprint.problems("not_found")
def show_group_overview(group_id: int) -> flask.Response:
    """Show a group with its progress, its graph, and what holds it up

    The answer has all data of a page that clients read again and again. A group of at most 150
    steps has a `graph`. Each group has `stages`, which are the steps by their depth in the graph,
    and `burn_up`, which are the numbers of ended steps over time.

    With If-None-Match, the answer is 304 while nothing has changed. The ETag is not valid for
    If-Match: for If-Match, send `version` in quotes.
    """
    with state.current().database.read() as conn:
        group = group_requests.current(conn, group_id)
        overview = group_reads.overview(conn, group)
        now = schedule_changes.clock(conn)
        since = min(overview.started_at or group.created_at, now)
        until = max(group.finished_at or now, since + timedelta(seconds=1))
        counted = step_graph.stages(conn, group_id=group_id, since=since, until=until)
        last = step_graph.last_steps(conn, group_id=group_id)
        steps = step_graph.nodes(conn, group_id=group_id) if group.steps <= GRAPH_MAX else None
        waits = step_graph.waits(conn, step_ids=[each.id for each in steps or ()])
        held = open_causes.first_held(conn, group_id=group_id)
        jobs = open_causes.jobs_of(conn, group_id=group_id)
    shown = GroupDetail(
        **vars(overview),
        as_of=now,
        state=group_pace.state_of(group),
        progress=group_pace.progress_of(group, now=now, started_at=overview.started_at),
        obstacles=group_obstacles.obstacles_of(group, first_held=held, jobs=jobs),
        graph=None if steps is None else step_stages.graph(steps, waits),
        stages=step_stages.by_depth(counted, last),
        burn_up=step_stages.burn_up(counted, since=since, until=until),
        is_whole=group.steps <= step_graph.STEPS_MAX,
    )
    return conditional.respond(conditional.answer(_detail.dump(shown), moving=MOVING))
