"""/api/admin/groups/{id}/seal, pause and resume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from admin_api.http import auth, preconditions, problems, responses
from admin_api.http.blueprint import Blueprint
from admin_api.resources import dry_runs, group_requests, groups
from admin_api.schemas.group import GroupOverviewSchema
from admin_api.schemas.group_edit import GroupEditSchema
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.group import Group
from crawljobs.repository.groups import group_creation, group_reads, resolver_hint
from crawljobs.repository.groups.edits import group_pausing

blueprint = Blueprint(
    "group_lifecycle",
    __name__,
    url_prefix=f"{groups.PREFIX}/<id:group_id>",
    description="Seal, pause and resume groups",
    changes=Scope.JOBS,
)

_DRY_RUN = {"dry_run": {"value": {"dry_run": True}}}


@blueprint.post("/seal")
@blueprint.if_match(required=False)
@blueprint.body(GroupEditSchema, required=False, examples=_DRY_RUN)
@blueprint.answers(200, GroupOverviewSchema, "The group.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def seal_group(params: dict[str, Any], group_id: int) -> responses.Response:
    """Seal a group, so that it accepts no further steps

    A sealed group finishes when its last step ends. A group without open steps finishes at once. If
    the group is already sealed, nothing changes.
    """

    def work(conn: Connection, group: Group) -> None:
        if group.sealed_at is None:
            group_creation.seal(conn, group_id=group.id)

    return _changed(group_id, "seal", work, dry_run=params["dry_run"])


@blueprint.post("/pause")
@blueprint.if_match(required=False)
@blueprint.body(GroupEditSchema, required=False, examples=_DRY_RUN)
@blueprint.answers(200, GroupOverviewSchema, "The group.", headers=preconditions.HEADER)
@blueprint.problems("not_found", "group_finished")
def pause_group(params: dict[str, Any], group_id: int) -> responses.Response:
    """Pause a group, so that no pending step starts

    Jobs that the group has already enqueued continue. A group that is paused stays paused.
    """

    def work(conn: Connection, group: Group) -> None:
        if group.finished_at is not None:
            raise problems.Problem("group_finished", "A finished group has no step to pause.")
        if group.paused_at is None:
            group_pausing.pause(conn, group_id=group.id)

    return _changed(group_id, "pause", work, dry_run=params["dry_run"])


@blueprint.post("/resume")
@blueprint.if_match(required=False)
@blueprint.body(GroupEditSchema, required=False, examples=_DRY_RUN)
@blueprint.answers(200, GroupOverviewSchema, "The group.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def resume_group(params: dict[str, Any], group_id: int) -> responses.Response:
    """Resume a paused group

    A group that is not paused stays as it is.
    """

    def work(conn: Connection, group: Group) -> None:
        if group.paused_at is not None:
            group_pausing.resume(conn, group_id=group.id)

    return _changed(group_id, "resume", work, dry_run=params["dry_run"])


def _changed(
    group_id: int, action: str, work: Callable[[Connection, Group], None], *, dry_run: bool
) -> responses.Response:
    """Lock the group, check If-Match, change the group, and return the changed group.

    Write an audit row if something changed.
    """
    actor = auth.current_actor()

    def transaction(conn: Connection) -> responses.Response:
        before = group_requests.locked(conn, group_id)
        preconditions.check(before.version, required=False)
        work(conn, before)
        after = group_requests.current(conn, group_id)
        if after.version != before.version:
            group_requests.audit(conn, actor, action, before=before, after=after)
            resolver_hint.send(conn)
        if not dry_run:
            return groups.shown(conn, group_id)
        # A dry run never commits the new version, so a client must not get it for If-Match.
        shown = replace(group_reads.overview(conn, after), version=before.version)
        return shown, 200, preconditions.etag(before.version)

    return dry_runs.run(transaction, dry_run=dry_run)
