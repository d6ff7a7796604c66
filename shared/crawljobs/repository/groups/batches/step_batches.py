"""The request, the chunks and the results of a change that concerns many steps of a group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, any_, bindparam, select, union_all

from crawljobs.db.tables import crawl_jobs, group_steps
from crawljobs.domain.actor import Actor
from crawljobs.domain.audited_job import audited
from crawljobs.domain.group import StepState
from crawljobs.domain.job import LIVE
from crawljobs.domain.operation import BatchResult
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.groups.group_progress import Finished
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue.operator_changes import JobChange
from crawljobs.repository.sql import ids, inline, one_of


@dataclass(frozen=True)
class BatchRequest:
    """A change of a group. `requested_by` is the name of the token that requested the change.

    `actor` is the actor in the audit rows: this token, or the worker that runs an operation later.
    """

    group_id: int
    requested_by: str
    actor: Actor
    points: int = 0
    traceparent: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Step:
    id: int
    key: str
    state: StepState
    priority: int
    job_id: int | None


@dataclass(frozen=True)
class BatchItem:
    """The result for one step. `job_id`: the job that the step follows, or followed before."""

    key: str
    job_id: int | None
    result: BatchResult
    detail: str = ""


@dataclass(frozen=True)
class Chunk:
    """The results of at most CHUNK steps.

    The next chunk starts after the step `position`. `more` is true if further steps may follow.
    """

    items: Sequence[BatchItem]
    jobs: Sequence[JobChange]
    position: int
    more: bool
    finished: Sequence[Finished] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The number of steps for each result."""
        return dict(Counter(item.result.value for item in self.items))

    @property
    def kept_jobs(self) -> list[int]:
        """The ids of the live jobs that were not cancelled, because other requests share them."""
        kept = (item.job_id for item in self.items if item.result is BatchResult.KEPT)
        return [job_id for job_id in kept if job_id is not None]


def steps_in(states: Iterable[StepState]) -> Select[Any]:
    """Return the query for the next steps in these states, by id. It reads one range per state."""
    step = group_steps.c
    ranges = [
        select(step.id, step.key, step.state, step.priority, step.job_id)
        .where(
            step.group_id == bindparam("group_id", type_=BigInteger),
            step.state == inline(state),
            step.id > bindparam("after", type_=BigInteger),
        )
        .order_by(step.id)
        .limit(bindparam("at_most"))
        .subquery(f"of_{state}")
        for state in sorted(states)
    ]
    found = union_all(*(select(each) for each in ranges)).subquery("found")
    return select(found).order_by(found.c.id).limit(bindparam("at_most"))


WALK_OPEN = steps_in([StepState.PENDING, StepState.ENQUEUED, StepState.HELD])
WALK_FAILED = steps_in([StepState.FAILED])

_job = crawl_jobs.c
OWN_JOBS = (
    select(_job.id)
    .where(_job.id == any_(ids("ids")), one_of(_job.status, LIVE), _job.shared.is_(False))
    .order_by(_job.subreddit_id, _job.id)
)
_LOCK_OWN_JOBS = OWN_JOBS.with_for_update()
LIVE_JOBS = select(_job.id).where(_job.id == any_(ids("ids")), one_of(_job.status, LIVE))


def read(
    conn: Connection, walk: Select[Any], *, group_id: int, after: int, at_most: int
) -> list[Step]:
    """Return the group's next steps after the step id `after`. The caller has locked the group."""
    rows = conn.execute(walk, {"group_id": group_id, "after": after, "at_most": at_most})
    return [Step(row.id, row.key, StepState(row.state), row.priority, row.job_id) for row in rows]


def jobs_of(steps: Sequence[Step]) -> list[int]:
    """Return the ids of the jobs that the steps follow."""
    return sorted({step.job_id for step in steps if step.job_id is not None})


def own_jobs(conn: Connection, job_ids: Sequence[int], *, lock: bool) -> list[int]:
    """Return the ids of live jobs that only one group requested. If `lock` is true, lock them."""
    return list(conn.execute(_LOCK_OWN_JOBS if lock else OWN_JOBS, {"ids": job_ids}).scalars())


def live_jobs(conn: Connection, job_ids: Sequence[int]) -> set[int]:
    """Return the ids of those jobs that are live."""
    return set(conn.execute(LIVE_JOBS, {"ids": job_ids}).scalars())


def done(changes: Sequence[JobChange]) -> Mapping[int, JobChange]:
    """Return the changes that have no error, by job id."""
    return {change.job_id: change for change in changes if change.error is None}


def record_jobs(
    conn: Connection, request: BatchRequest, verb: Verb, changes: Sequence[JobChange]
) -> None:
    """Write an audit row for each changed job."""
    if request.dry_run:
        return
    audit_log.record_many(
        conn,
        actor=request.actor,
        action=verb.name.lower(),
        resource_type="crawl_job",
        changes=[
            audit_log.Change(
                change.job_id,
                None if change.before is None else audited(change.before),
                None if change.after is None else audited(change.after),
            )
            for change in changes
            if change.error is None and not change.changes_nothing
        ],
    )


def chunk_of(
    steps: Sequence[Step],
    items: Sequence[BatchItem],
    jobs: Sequence[JobChange],
    *,
    after: int,
    at_most: int,
    finished: Sequence[Finished] = (),
) -> Chunk:
    """Return the chunk with these results."""
    return Chunk(
        items,
        [change for change in jobs if change.error is None and not change.changes_nothing],
        steps[-1].id if steps else after,
        len(steps) >= at_most,
        finished,
    )
