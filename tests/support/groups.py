"""Create groups and resolve their steps, with the functions of the product."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.group import GroupOutcome, RequiredOutcome, StepState, UpstreamFailure
from crawljobs.domain.group_plan import StepRequest, Upstream
from crawljobs.domain.job import ErrorKind
from crawljobs.repository.groups import group_creation, lost_ends, settle, start
from crawljobs.repository.groups.lost_ends import Place
from support import jobs
from support.jobs import T0

ROUNDS_MAX = 500  # a resolver that never ends is a fault


def step(
    key: str,
    *after: str | int | Upstream,
    subreddit: str = "",
    priority: int = 50,
    all_others: bool = False,
    fails: str = "cancel",
    requires: str = "any",
    visible_at: datetime | None = None,
) -> StepRequest:
    """Return a step. `after` are keys of steps, ids of jobs, or upstreams."""
    return StepRequest(
        key,
        subreddit or f"sub_{key}",
        priority,
        max_retries=3,
        visible_at=visible_at,
        after=[_upstream(each) for each in after],
        after_all=all_others,
        on_upstream_failure=UpstreamFailure(fails),
        require_outcome=RequiredOutcome(requires),
    )


def _upstream(given: str | int | Upstream) -> Upstream:
    if isinstance(given, Upstream):
        return given
    return Upstream(key=given) if isinstance(given, str) else Upstream(job_id=given)


def group(
    conn: Connection, *steps: StepRequest, sealed: bool = True, now: datetime = T0, **more: Any
) -> int:
    """Create a group with these steps, and return its id. The resolver has not run yet."""
    group_id = group_creation.create(conn, name=None, created_by="ada", now=now, **more)
    if steps:
        group_creation.add_steps(conn, group_id=group_id, steps=steps, now=now)
    if sealed:
        group_creation.seal(conn, group_id=group_id, now=now)
    return group_id


def resolve(conn: Connection, *, now: datetime | None = T0, at_most: int = settle.CHUNK) -> int:
    """Settle and start until nothing is left. Returns the number of transactions with changes."""
    for rounds in range(ROUNDS_MAX):
        settled = settle.settle(conn, at_most=at_most, now=now)
        started = start.start(conn, at_most=at_most, now=now)
        if not (settled.changes or settled.more or started.changes or started.more):
            return rounds
    raise AssertionError(f"the resolver has not ended after {ROUNDS_MAX} rounds")


def record_lost_ends(conn: Connection) -> int:
    """Record all lost ends, as the search of the resolver does. Returns their number."""
    page = lost_ends.record_steps_and_groups(conn, after=Place(), at_most=settle.CHUNK)
    assert page.last is None
    return lost_ends.record_jobs(conn, at_most=settle.CHUNK) + page.ends


def states(conn: Connection, group_id: int) -> dict[str, StepState]:
    """Return the states of the group's steps by key. Checks the counts of the group."""
    rows = conn.execute(
        text("SELECT key, state FROM group_steps WHERE group_id = :id ORDER BY id"),
        {"id": group_id},
    )
    found = {row.key: StepState(row.state) for row in rows}
    counted = {state: [*found.values()].count(state) for state in StepState}
    assert counts(conn, group_id) == counted
    return found


def counts(conn: Connection, group_id: int) -> dict[StepState, int]:
    """Return the stored counts of the group."""
    row = conn.execute(
        text(f"SELECT {', '.join(StepState)} FROM job_groups WHERE id = :id"), {"id": group_id}
    ).one()
    return {state: row._mapping[state] for state in StepState}


def value(conn: Connection, group_id: int, key: str, column: str) -> Any:
    """Return one column of a step."""
    return conn.execute(
        text(f"SELECT {column} FROM group_steps WHERE group_id = :id AND key = :key"),
        {"id": group_id, "key": key},
    ).scalar_one()


def job_of(conn: Connection, group_id: int, key: str) -> int:
    """Return the job that the step follows."""
    found = value(conn, group_id, key, "job_id")
    assert found is not None
    return int(found)


def reason(conn: Connection, group_id: int, key: str) -> str | None:
    found: str | None = value(conn, group_id, key, "reason")
    return found


def outcome(conn: Connection, group_id: int) -> GroupOutcome | None:
    """Return the outcome of the group, or None while it is open."""
    found = conn.execute(
        text("SELECT outcome FROM job_groups WHERE id = :id"), {"id": group_id}
    ).scalar_one()
    return None if found is None else GroupOutcome(found)


def finishes(conn: Connection, group_id: int) -> Sequence[tuple[int, str]]:
    """Return the generation and the outcome of each finish of the group."""
    rows = conn.execute(
        text(
            "SELECT generation, outcome FROM group_finishes WHERE group_id = :id "
            "ORDER BY generation"
        ),
        {"id": group_id},
    )
    return [(row.generation, row.outcome) for row in rows]


def end_job(conn: Connection, job_id: int, *, how: str = "crawled") -> None:
    """Claim the job, and end it as succeeded with this outcome, or as failed."""
    claims = {claim.job_id: claim for claim in jobs.claim_all(conn, at_most=100)}
    claim = claims.pop(job_id)
    for other in claims.values():
        jobs.release(conn, claim=other, now=T0)
    if how == "failed":
        jobs.fail(conn, claim=claim, kind=ErrorKind.PERMANENT, message="HTTP 500", now=T0)
    else:
        jobs.complete(conn, claim=claim, outcome=how, now=T0)
