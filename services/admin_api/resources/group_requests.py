"""Creates groups and adds steps to them, for operators. Converts errors of steps to problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from admin_api.http import problems, state
from admin_api.http.request.field_errors import MAX_FIELD_ERRORS, MAX_MESSAGE_CHARACTERS
from admin_api.schemas import group as group_schemas
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.group import Group, RequiredOutcome, UpstreamFailure
from crawljobs.domain.group_plan import ALL, StepRequest
from crawljobs.repository.groups import (
    group_creation,
    group_progress,
    group_reads,
    resolver_hint,
)
from crawljobs.repository.groups.group_creation import GroupClosed, InvalidPlan
from crawljobs.repository.operations import audit_log
from crawljobs.runtime import tracing

GROUPS_PATH = "/api/admin/groups"
RESOURCE_TYPE = group_reads.RESOURCE
KEYS_AUDITED = 50  # limit of the keys of steps in one audit row, to keep the row small


def step_requests(bodies: Sequence[dict[str, Any]]) -> list[StepRequest]:
    """Return one step for each of the `bodies`, which have passed their schema."""
    retries = state.current().max_retries
    return [step_request(body, default_max_retries=retries) for body in bodies]


def step_request(body: dict[str, Any], *, default_max_retries: int) -> StepRequest:
    """Return the step of a body that has passed its schema.

    The body of a schedule's step has no `visible_at`, and its priority may be null.
    """
    retries = body["max_retries"]
    return StepRequest(
        body["key"] or body["subreddit"],
        body["subreddit"],
        body["priority"] or 0,
        default_max_retries if retries is None else retries,
        visible_at=body.get("visible_at"),
        after=() if body["after"] == ALL else body["after"],
        after_all=body["after"] == ALL,
        on_upstream_failure=UpstreamFailure(body["on_upstream_failure"]),
        require_outcome=RequiredOutcome(body["require_outcome"]),
    )


def create(
    conn: Connection,
    actor: Actor,
    *,
    name: str | None,
    steps: Sequence[StepRequest],
    sealed: bool,
    action: str = "create",
    **audited: Any,
) -> Group:
    """Create a group with its steps, and write the audit row. Raises InvalidPlan or GroupClosed."""
    group_id = group_creation.create(conn, name=name, created_by=actor.name)
    if steps:
        _add(conn, group_id, steps)
    if sealed:
        locked(conn, group_id)
        group_creation.seal(conn, group_id=group_id)
    resolver_hint.send(conn)
    created = current(conn, group_id)
    audit(conn, actor, action, before=None, after=created, **audited)
    return created


def add_steps(conn: Connection, actor: Actor, before: Group, steps: Sequence[StepRequest]) -> None:
    """Add steps to a group, and write the audit row. Raises InvalidPlan or GroupClosed."""
    _add(conn, before.id, steps)
    resolver_hint.send(conn)
    keys = [step.key for step in steps[:KEYS_AUDITED]]
    after = current(conn, before.id)
    audit(conn, actor, "add_steps", before=before, after=after, added=len(steps), first_keys=keys)


def _add(conn: Connection, group_id: int, steps: Sequence[StepRequest]) -> None:
    with tracing.span("add_steps", tracing.Kind.PRODUCER) as span:
        span.set_attributes({"crawljobs.group.id": group_id, "crawljobs.steps": len(steps)})
        group_creation.add_steps(
            conn, group_id=group_id, steps=steps, traceparent=str(span.context)
        )


def locked(conn: Connection, group_id: int) -> Group:
    """Return the group, locked until the transaction ends. Raises a Problem if it is missing."""
    found = group_reads.lock_group(conn, group_id=group_id)
    if found is None:
        raise no_such_group(group_id)
    return found


def locked_with(conn: Connection, group_id: int, steps: Sequence[StepRequest]) -> Group:
    """Lock the group and the groups for which the steps wait. Returns the group.

    To avoid deadlocks, a transaction locks all its groups in the order of their ids. Raises a
    Problem if the group is missing.
    """
    others = {each.group_id for step in steps for each in step.after if each.group_id is not None}
    group_progress.lock(conn, {group_id, *others})
    return locked(conn, group_id)


def current(conn: Connection, group_id: int) -> Group:
    """Return the group. Raises a Problem if it is missing."""
    found = group_reads.get_group(conn, group_id=group_id)
    if found is None:
        raise no_such_group(group_id)
    return found


def audit(
    conn: Connection,
    actor: Actor,
    action: str,
    *,
    before: Group | None,
    after: Group,
    audited_before: Mapping[str, Any] | None = None,
    **audited: Any,
) -> None:
    """Write the audit row of a change.

    `audited_before` and `audited` are values that the row has in addition to those of the group.
    """
    audit_log.record(
        conn,
        actor=actor,
        action=action,
        resource_type=RESOURCE_TYPE,
        resource_id=after.id,
        before=None
        if before is None
        else {**group_schemas.audited(before), **(audited_before or {})},
        after={**group_schemas.audited(after), **audited},
    )


@contextmanager
def plan_errors_as_problems(*, is_step: bool = False) -> Iterator[None]:
    """Convert the errors of steps to problems. If `is_step`, the body is one step, not a list."""
    try:
        yield
    except InvalidPlan as error:
        found = error.plan_errors
        more = len(found) - MAX_FIELD_ERRORS
        shown = f"`errors` lists the first {MAX_FIELD_ERRORS}." if more > 0 else "See `errors`."
        count = f"{len(found):,} values are" if len(found) > 1 else "A value is"
        raise problems.Problem(
            "invalid_request",
            f"{count} invalid, so no step was stored. {shown}",
            [
                problems.FieldError(
                    each.pointer.removeprefix("/0") if is_step else f"/steps{each.pointer}",
                    each.detail[:MAX_MESSAGE_CHARACTERS],
                )
                for each in found[:MAX_FIELD_ERRORS]
            ],
        ) from None
    except GroupClosed as error:
        raise problems.Problem("group_closed", str(error)) from None


def no_such_group(group_id: int) -> problems.Problem:
    return problems.Problem("not_found", f"There is no group {group_id}.")
