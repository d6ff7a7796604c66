"""Follow the upstreams of a step, breadth first, to the causes of its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select

from crawljobs.db.tables import group_steps, service_instances
from crawljobs.domain import explanation, step_explanation, upstream_facts
from crawljobs.domain.group import StepState
from crawljobs.domain.job import FINAL
from crawljobs.domain.step_explanation import StepExplanation
from crawljobs.domain.upstream_facts import (
    DeletedFacts,
    Facts,
    JobFacts,
    StepFacts,
    UpstreamKind,
)
from crawljobs.repository.groups.explained import upstream_levels
from crawljobs.repository.groups.explained.upstream_levels import Node
from crawljobs.repository.queue import job_reads
from crawljobs.repository.queue.explained import claim_facts, job_explain
from crawljobs.repository.sql import NOW, inline_interval

DEPTH_MAX = 100  # limit of the levels of upstreams; one statement reads a level
LEVEL_MAX = 20  # limit of the upstreams of one level
ITEMS_MAX = 300  # limit of the upstreams of all levels
EXPLAINED_MAX = 20  # limit of the live jobs whose conditions for a claim are read

_FIND = select(group_steps.c.id).where(
    group_steps.c.group_id == bindparam("group_id"), group_steps.c.key == bindparam("key")
)
_WORKER = exists().where(
    service_instances.c.role == "crawler-worker",
    service_instances.c.seen_at > NOW - inline_interval(f"{claim_facts.SEEN_SECONDS} seconds"),
)
_HAS_WORKER = select(_WORKER)


@dataclass
class _Item:
    """An upstream, or the step to explain. `parent` is the item that waits for the upstream."""

    node: Node
    number: int
    depth: int
    parent: _Item | None = None
    facts: Facts | None = None
    is_root: bool = True


def explain_step(
    conn: Connection, *, group_id: int, key: str, now: datetime | None = None
) -> StepExplanation | None:
    """Return why the step has its state, or None if the group has no step with this key.

    Each upstream is shown only once, below the first item that waits for it. So the search ends
    even if upstreams wait for each other in a circle.
    """
    step_id = conn.execute(_FIND, {"group_id": group_id, "key": key}).scalar()
    if step_id is None:
        return None
    items, complete = _walk(conn, Node(UpstreamKind.STEP, step_id))
    _read_jobs(conn, items, now)
    _read_workers(conn, items, now)
    explained = items[0].facts
    if not isinstance(explained, StepFacts):
        return None
    upstreams = [
        step_explanation.upstream(
            upstream_facts.asked_for_by(
                item.parent.facts, item.facts or DeletedFacts(item.node.kind, item.node.id)
            ),
            number=item.number,
            waited_for_by=item.parent.number,
            depth=item.depth,
            is_root=item.is_root,
        )
        for item in items
        if item.parent is not None
    ]
    return step_explanation.explain(explained, upstreams, complete=complete)


def _walk(conn: Connection, start: Node) -> tuple[list[_Item], bool]:
    """Return the step with its upstreams of all levels, and whether the result is complete.

    The result is not complete if a limit left out an upstream.
    """
    items = [_Item(start, 0, 0)]
    level: Sequence[_Item] = items
    known = {start}
    complete = True
    for depth in range(1, DEPTH_MAX + 2):
        level = [item for item in level if item.node.kind is not UpstreamKind.JOB]
        if not level:
            break
        found, more = _upstreams_of(conn, level)
        complete &= not more
        new = [(parent, node) for parent, node in found if node not in known]
        # Keep room for one upstream in each further level, so that the search reaches DEPTH_MAX.
        room = min(LEVEL_MAX, ITEMS_MAX - (len(items) - 1) - (DEPTH_MAX - depth))
        level = []
        for parent, node in new:
            if node in known:
                continue
            if depth > DEPTH_MAX or len(level) >= room:
                complete = False
                break
            known.add(node)
            level.append(_Item(node, len(items), depth, parent))
            items.append(level[-1])
    return items, complete


def _upstreams_of(
    conn: Connection, level: Sequence[_Item]
) -> tuple[list[tuple[_Item, Node]], bool]:
    """Set the facts of the steps and groups in `level`. Return pairs of an item and its upstream.

    The first upstreams of all items come before the second upstreams, and so on. The function also
    returns whether upstreams were left out.
    """
    read = upstream_levels.read(conn, [item.node for item in level])
    ranked: list[tuple[int, _Item, Node]] = []
    more = False
    for item in level:
        found = read.get(item.node)
        if found is None:
            continue
        item.facts = found.facts
        more |= found.more
        item.is_root = not found.upstreams
        ranked += [(rank, item, node) for rank, node in enumerate(found.upstreams)]
    ranked.sort(key=lambda each: each[0])
    return [(item, node) for _, item, node in ranked], more


def _read_jobs(conn: Connection, items: Sequence[_Item], now: datetime | None) -> None:
    """Set the facts of all items that are jobs, with two statements."""
    of_jobs = [item for item in items if item.node.kind is UpstreamKind.JOB]
    jobs = job_reads.get_jobs(conn, job_ids=[item.node.id for item in of_jobs])
    live = [job for job in jobs.values() if job.status not in FINAL][:EXPLAINED_MAX]
    around = job_explain.surroundings_of(conn, jobs=live, now=now)
    for item in of_jobs:
        job = jobs.get(item.node.id)
        if job is not None:
            known = around.get(job.id)
            explained = None if known is None else explanation.explain(job, known)
            item.facts = JobFacts(job, explained)


def _read_workers(conn: Connection, items: Sequence[_Item], now: datetime | None) -> None:
    """Set `has_worker` to false for the steps that could start, if no worker is alive."""
    startable = [
        item
        for item in items
        if isinstance(item.facts, StepFacts)
        and item.facts.state is StepState.PENDING
        and not item.facts.waiting_for
    ]
    if startable and not conn.execute(_HAS_WORKER, {"now": now}).scalar_one():
        for item in startable:
            if isinstance(item.facts, StepFacts):
                item.facts = replace(item.facts, has_worker=False)
