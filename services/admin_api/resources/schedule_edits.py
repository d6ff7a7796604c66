"""What every change of a schedule goes through: lock, If-Match, change, audit, quota."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from admin_api.http import auth, preconditions, problems, state
from admin_api.schemas.fields import refuse_value, refuse_values
from admin_api.schemas.schedule import ScheduleSchema
from crawljobs.db.database import Connection
from crawljobs.domain import subreddit as names
from crawljobs.domain.actor import Actor
from crawljobs.domain.schedule import MisfirePolicy, Schedule, ScheduleSpec
from crawljobs.errors import DuplicateName, InvalidCron, InvalidSubredditName, NotFound
from crawljobs.repository.operations import audit_log
from crawljobs.repository.schedules import schedule_changes, schedule_quota, schedule_reads

Answer = tuple[dict[str, Any], int, dict[str, str]]


def change(
    schedule_id: int,
    action: str,
    ordered: Callable[[Connection, Schedule], ScheduleSpec],
    *,
    if_match: bool,
) -> Answer:
    """Make the schedule what `ordered` says of the one there is; `if_match`: it is required."""
    actor = auth.current_actor()

    def work(conn: Connection) -> Answer:
        before = locked(conn, schedule_id)
        preconditions.check(before.version, required=if_match)
        order = ordered(conn, before)
        _check_can_fire(before, order)
        after = schedule_changes.change_schedule(conn, before=before, order=order)
        if after.version != before.version:
            audit(conn, actor, action, before=before, after=after)
        return written(conn, after)

    with refusals():
        return state.current().database.run(work)


def locked(conn: Connection, schedule_id: int) -> Schedule:
    found = schedule_reads.lock_schedule(conn, schedule_id=schedule_id)
    if found is None:
        raise problems.Problem("not_found", f"There is no schedule {schedule_id}.")
    return found


def order(conn: Connection, asked: dict[str, Any]) -> ScheduleSpec:
    """The order that a whole body gives."""
    return ScheduleSpec(**wanted(conn, asked))


def wanted(conn: Connection, asked: dict[str, Any]) -> dict[str, Any]:
    """The fields of an order that are given, the subreddit by its id."""
    fields = {name: value for name, value in asked.items() if not name.startswith("subreddit")}
    if "misfire_policy" in fields:
        fields["misfire_policy"] = MisfirePolicy(fields["misfire_policy"])
    subreddit: str | int | None = asked.get("subreddit_id")
    if asked.get("subreddit") is not None:
        subreddit = asked["subreddit"]
    if subreddit is not None:
        try:
            fields["subreddit_id"] = schedule_changes.subreddit_id_of(conn, subreddit=subreddit)
        except (NotFound, InvalidSubredditName) as error:
            raise refuse_value("/subreddit_id", str(error)) from None
    return fields


def _check_can_fire(before: Schedule, order: ScheduleSpec) -> None:
    """Refuse to enable a schedule whose stored subreddit cannot be crawled: an older release
    accepted the names of Reddit's own listings.
    """
    if not order.enabled or before.enabled or order.subreddit_id != before.subreddit_id:
        return
    try:
        names.checked_name(before.subreddit)
    except InvalidSubredditName as error:
        message = f"{error}, or delete the schedule"
        raise refuse_value("/enabled", message) from None


@contextmanager
def refusals() -> Iterator[None]:
    """What only the domain could judge, as problems of the field at fault."""
    try:
        yield
    except InvalidCron as error:
        wrong = [one for one in (error, error.also) if one is not None]
        raise refuse_values([(f"/{one.field}", str(one)) for one in wrong]) from None
    except DuplicateName as error:
        raise problems.Problem(
            "duplicate_name", str(error), [problems.FieldError("/name", "is taken")]
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
        before=None if before is None else ScheduleSchema().dump(before),
        after=None if after is None else ScheduleSchema().dump(after),
    )


def written(conn: Connection, schedule: Schedule, *, status: int = 200) -> Answer:
    """The answer to a change: the schedule, and whether Reddit's budget feeds all of them."""
    quota = schedule_quota.estimate(conn)
    body = {**asdict(schedule), **asdict(quota), "warning": quota.warning}
    return body, status, preconditions.etag(schedule.version)
