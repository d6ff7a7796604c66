"""Changes a schedule in the same steps for all routes: lock, check, write, audit, respond."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from admin_api.http import auth, preconditions, problems, responses, state
from admin_api.resources import group_requests, schedule_steps
from admin_api.schemas.schedule import ScheduleSchema
from crawljobs.db.database import Connection
from crawljobs.domain import subreddit as names
from crawljobs.domain.actor import Actor
from crawljobs.domain.schedule import MisfirePolicy, Schedule, ScheduleSpec
from crawljobs.errors import DuplicateName, InvalidCron, InvalidSubredditName, NotFound
from crawljobs.repository.operations import audit_log
from crawljobs.repository.schedules import schedule_changes, schedule_quota, schedule_reads


def change(
    schedule_id: int,
    action: str,
    new_spec: Callable[[Connection, Schedule], ScheduleSpec],
    *,
    if_match: bool,
) -> responses.Response:
    """Replace the fields of a schedule by the result of `new_spec`.

    If `if_match` is true, a request without the header If-Match is refused.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> responses.Response:
        before = locked(conn, schedule_id)
        if before.steps is not None:
            schedule_steps.require_scope()
        preconditions.check(before.version, required=if_match)
        spec = new_spec(conn, before)
        _check_can_fire(before, spec)
        after = schedule_changes.change_schedule(conn, before=before, order=spec)
        if after.version != before.version:
            audit(conn, actor, action, before=before, after=after)
        return written(conn, after)

    with domain_errors_as_problems():
        return state.current().database.run(work)


def locked(conn: Connection, schedule_id: int) -> Schedule:
    """Return the schedule, locked until the transaction ends. Raises a Problem if it is missing."""
    found = schedule_reads.lock_schedule(conn, schedule_id=schedule_id)
    if found is None:
        raise problems.Problem("not_found", f"There is no schedule {schedule_id}.")
    return found


def spec_of(conn: Connection, params: dict[str, Any]) -> ScheduleSpec:
    """Return the schedule in a complete request body. Raises a Problem for an unknown subreddit."""
    return ScheduleSpec(**spec_fields(conn, params))


def spec_fields(conn: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """Return the ScheduleSpec fields in a body. Raises a Problem for an unknown subreddit.

    - With steps in the body, the schedule loses its subreddit.
    - With a subreddit in the body, the schedule loses its steps.

    Raises InvalidPlan if the steps break a rule for the steps of a group.
    """
    crawled = ("subreddit", "subreddit_id", "steps")
    fields = {name: value for name, value in params.items() if name not in crawled}
    if "description" in fields:
        fields["description"] = fields["description"] or None
    if "misfire_policy" in fields:
        fields["misfire_policy"] = MisfirePolicy(fields["misfire_policy"])
    subreddit: str | int | None = params.get("subreddit_id")
    if params.get("subreddit") is not None:
        subreddit = params["subreddit"]
    if subreddit is not None:
        try:
            fields["subreddit_id"] = schedule_changes.subreddit_id_of(conn, subreddit=subreddit)
        except (NotFound, InvalidSubredditName) as error:
            raise problems.refuse_value("/subreddit_id", str(error)) from None
        fields["steps"] = None
    if params.get("steps") is not None:
        schedule_steps.require_scope()
        fields |= {"subreddit_id": None, "steps": schedule_steps.stored(conn, params["steps"])}
    return fields


def _check_can_fire(before: Schedule, spec: ScheduleSpec) -> None:
    """Raise a Problem if a change enables a schedule whose subreddit cannot be crawled.

    Older releases accepted the names of Reddit's own listings, such as `all`. So the database may
    have schedules for these names.
    """
    if not spec.enabled or before.enabled or spec.subreddit_id != before.subreddit_id:
        return
    if before.subreddit is None:
        return
    try:
        names.checked_name(before.subreddit)
    except InvalidSubredditName as error:
        message = f"{error}, or delete the schedule"
        raise problems.refuse_value("/enabled", message) from None


@contextmanager
def domain_errors_as_problems() -> Iterator[None]:
    """Convert errors in the cron expression, name or steps to a Problem that names the field."""
    try:
        with group_requests.plan_errors_as_problems():
            yield
    except InvalidCron as error:
        errors = [each for each in (error, error.also) if each is not None]
        raise problems.refuse_values([(f"/{each.field}", str(each)) for each in errors]) from None
    except DuplicateName as error:
        raise problems.Problem(
            "duplicate_name", str(error), [problems.FieldError("/name", "already in use")]
        ) from None


def audit(
    conn: Connection,
    actor: Actor,
    action: str,
    *,
    before: Schedule | None,
    after: Schedule | None,
) -> None:
    schedule = after or before
    audit_log.record(
        conn,
        actor=actor,
        action=action,
        resource_type="scheduled_job",
        resource_id=None if schedule is None else schedule.id,
        before=None if before is None else _audited(before),
        after=None if after is None else _audited(after),
    )


def _audited(schedule: Schedule) -> dict[str, Any]:
    return schedule_steps.audited(ScheduleSchema(exclude=("open_group_id",)).dump(schedule))


def written(conn: Connection, schedule: Schedule, *, status: int = 200) -> responses.Response:
    """Return the schedule as a response.

    The response has a warning if all schedules together exceed Reddit's budget.
    """
    quota = schedule_quota.estimate(conn)
    body = {**vars(schedule), **asdict(quota), "warning": quota.warning}
    return body, status, preconditions.etag(schedule.version)
