"""/api/admin/groups/{id}/steps/{key}/proceed and skip: decide about held steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from admin_api.http import auth, preconditions, problems
from admin_api.http.blueprint import Blueprint
from admin_api.resources import dry_runs, group_requests, group_steps, groups
from admin_api.schemas.group_edit import GroupEditSchema
from admin_api.schemas.step import StepSchema
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.group import StepState
from crawljobs.domain.step import Step
from crawljobs.repository.groups import resolver_hint, step_list
from crawljobs.repository.groups.edits import step_decisions

blueprint = Blueprint(
    "held_steps",
    __name__,
    url_prefix=f"{groups.PREFIX}/<id:group_id>/steps/<key:step_key>",
    description="Decide about held steps",
    changes=Scope.JOBS,
)

_DRY_RUN = {"dry_run": {"value": {"dry_run": True}}}


@blueprint.post("/proceed")
@blueprint.if_match(required=False)
@blueprint.body(GroupEditSchema, required=False, examples=_DRY_RUN)
@blueprint.answers(200, StepSchema, "The step.")
@blueprint.problems("not_found", "step_not_held")
def proceed_group_step(params: dict[str, Any], group_id: int, step_key: str) -> Step:
    """Start a held step although an upstream did not succeed

    If-Match is the ETag of the group.
    """
    dry_run = params["dry_run"]
    return _decided(group_id, step_key, "proceed_step", step_decisions.proceed, dry_run=dry_run)


@blueprint.post("/skip")
@blueprint.if_match(required=False)
@blueprint.body(GroupEditSchema, required=False, examples=_DRY_RUN)
@blueprint.answers(200, StepSchema, "The step.")
@blueprint.problems("not_found", "step_not_held")
def skip_group_step(params: dict[str, Any], group_id: int, step_key: str) -> Step:
    """Skip a held step, so that it never runs

    If-Match is the ETag of the group. Each step that waits for this step follows its own policy for
    an upstream that did not succeed.
    """
    name = auth.current_actor().name
    return _decided(
        group_id,
        step_key,
        "skip_step",
        lambda conn, step: step_decisions.skip(conn, step, actor=name),
        dry_run=params["dry_run"],
    )


def _decided(
    group_id: int,
    key: str,
    action: str,
    decide: Callable[[Connection, Step], None],
    *,
    dry_run: bool,
) -> Step:
    actor = auth.current_actor()

    def work(conn: Connection) -> Step:
        before = group_requests.locked(conn, group_id)
        preconditions.check(before.version, required=False)
        step = step_list.lock_step(conn, group_id=group_id, key=key)
        if step is None:
            raise group_steps.no_such_step(group_id, key)
        if step.state is not StepState.HELD:
            raise problems.Problem(
                "step_not_held", f"Step {key} is {step.state}; only held steps need a decision."
            )
        decide(conn, step)
        resolver_hint.send(conn)
        decided = step_list.get_step(conn, group_id=group_id, key=key) or step
        group_requests.audit(
            conn,
            actor,
            action,
            before=before,
            after=group_requests.current(conn, group_id),
            audited_before={"step": _audited(step)},
            step=_audited(decided),
        )
        return decided

    return dry_runs.run(work, dry_run=dry_run)


def _audited(step: Step) -> dict[str, str | None]:
    return {"key": step.key, "state": step.state, "reason": step.reason}
