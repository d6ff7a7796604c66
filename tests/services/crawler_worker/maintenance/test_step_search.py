"""The search for lost ends: once a minute among all workers, and each lost end within 2 minutes."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.maintenance import step_resolving
from crawler_worker.maintenance.step_resolving import StepResolver
from crawljobs.db.database import Connection, Database
from crawljobs.domain.group import StepState
from crawljobs.domain.group_plan import Upstream
from crawljobs.repository.groups import lost_ends, settle, start
from crawljobs.repository.groups.lost_ends import Place, SearchedPage
from support import groups, jobs
from support.groups import step

LOOP_SECONDS = 2.2  # the longest pause between two runs of a resolver
S = StepState


class World:
    """Workers that run their search in turn. Times are seconds since the start."""

    def __init__(self, database: Database, workers: int) -> None:
        self._database, self._start = database, datetime.now(UTC)
        self._resolvers = [StepResolver(database) for _ in range(workers)]
        self._next = [LOOP_SECONDS * at / workers for at in range(workers)]
        self.searches: list[float] = []
        self.found = 0

    def run(self, until: float) -> None:
        """Let the workers run until this time. Each asks again LOOP_SECONDS after its last run."""
        while (at := min(self._next)) <= until:
            worker = self._next.index(at)
            self._next[worker] += LOOP_SECONDS
            before = self._last_turn()
            self.found += self._resolvers[worker].search(
                at=at, now=self._start + timedelta(seconds=at)
            )
            if self._last_turn() != before:
                self.searches.append(at)

    def _last_turn(self) -> Any:
        with self._database.read() as conn:
            return conn.execute(
                text("SELECT last_run_at FROM maintenance_runs WHERE task = 'search_steps'")
            ).scalar()


@pytest.mark.parametrize("workers", [1, 12])
def test_one_of_all_workers_searches_once_a_minute(database: Database, workers: int) -> None:
    world = World(database, workers)
    world.run(400)
    gaps = [after - before for before, after in itertools.pairwise(world.searches)]
    assert len(gaps) >= 4
    assert min(gaps) >= step_resolving.SEARCH_EVERY.total_seconds()
    longest = step_resolving.SEARCH_EVERY.total_seconds() + step_resolving.ASK_EVERY_SECONDS
    assert max(gaps) <= longest + LOOP_SECONDS


def ended_by_old_worker(conn: Connection, job_id: int) -> None:
    """A worker of the previous release ends the job, without a row in upstream_changes."""
    conn.execute(text("UPDATE crawl_jobs SET watched = false WHERE id = :id"), {"id": job_id})
    groups.end_job(conn, job_id)
    conn.execute(text("UPDATE crawl_jobs SET watched = true WHERE id = :id"), {"id": job_id})


def deleted_row(conn: Connection, job_id: int) -> None:
    groups.end_job(conn, job_id)
    conn.execute(text("DELETE FROM upstream_changes"))


def updated_by_hand(conn: Connection, job_id: int) -> None:
    conn.execute(
        text(
            "UPDATE crawl_jobs SET status = 'succeeded', outcome = 'crawled', finished_at = now() "
            "WHERE id = :id"
        ),
        {"id": job_id},
    )


def deleted_by_hand(conn: Connection, job_id: int) -> None:
    conn.execute(text("DELETE FROM crawl_jobs WHERE id = :id"), {"id": job_id})


@pytest.mark.parametrize(
    ("lose", "state"),
    [
        (ended_by_old_worker, S.SUCCEEDED),
        (deleted_row, S.SUCCEEDED),
        (updated_by_hand, S.SUCCEEDED),
        (deleted_by_hand, S.CANCELLED),
    ],
)
def test_a_lost_end_of_a_job_is_found_within_two_minutes(
    database: Database, lose: Callable[[Connection, int], None], state: StepState
) -> None:
    with database.begin() as conn:
        elsewhere = jobs.enqueue(conn, "elsewhere")
        group_id = groups.group(conn, step("a"), step("b", elsewhere), step("c", "a"))
        groups.resolve(conn)
    world = World(database, workers=2)
    world.run(1)  # a search right before the end: the longest time until the next one
    with database.begin() as conn:
        for job_id in (groups.job_of(conn, group_id, "a"), elsewhere):
            lose(conn, job_id)
    world.run(120)
    after = S.SKIPPED if state is S.CANCELLED else S.ENQUEUED
    with database.begin() as conn:
        assert groups.states(conn, group_id) == {"a": state, "b": after, "c": after}
    assert world.found == 2


def test_a_lost_end_of_a_step_or_a_group_is_found(database: Database) -> None:
    """The rows that name the ended step and the finished group are deleted."""
    with database.begin() as conn:
        first = groups.group(conn, step("a"), step("b", "a"), step("c", "b", fails="proceed"))
        second = groups.group(conn, step("d", Upstream(group_id=first), fails="proceed"))
        groups.resolve(conn)
    world = World(database, workers=1)
    # The failed job skips the step b, for which c waits. The end of c finishes the group.
    for at, (ended, group_id, waiting) in enumerate((("a", first, "c"), ("c", second, "d")), 1):
        with database.begin() as conn:
            groups.end_job(conn, groups.job_of(conn, first, ended), how="failed")
            settle.settle(conn)
            start.start(conn)
            conn.execute(text("DELETE FROM upstream_changes"))
            groups.resolve(conn)
            assert groups.states(conn, group_id)[waiting] is S.PENDING
        world.run(at * 120)
        assert world.found == at
        with database.begin() as conn:
            assert groups.states(conn, group_id)[waiting] is S.ENQUEUED
    world.run(400)
    assert world.found == 2


def test_the_deletion_of_an_upstream_group_by_hand_is_found(database: Database) -> None:
    with database.begin() as conn:
        deleted = groups.group(conn, step("a"))
        waiting = groups.group(conn, step("b", Upstream(group_id=deleted)))
        groups.resolve(conn)
        conn.execute(text("DELETE FROM group_steps WHERE group_id = :id"), {"id": deleted})
        conn.execute(text("DELETE FROM job_groups WHERE id = :id"), {"id": deleted})
    world = World(database, workers=1)
    world.run(120)
    with database.begin() as conn:
        assert groups.states(conn, waiting) == {"b": S.SKIPPED}
        assert groups.reason(conn, waiting, "b") == f"group {deleted} was deleted"
    world.run(400)
    assert world.found == 1


def test_lost_ends_are_found_page_by_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of an upstream is found, even if many steps before it still wait."""
    pages: list[Place] = []
    whole = lost_ends.record_steps_and_groups

    def small(conn: Connection, *, after: Place, at_most: int) -> SearchedPage:
        pages.append(after)
        return whole(conn, after=after, at_most=at_most, steps=2)

    monkeypatch.setattr(lost_ends, "record_steps_and_groups", small)
    with database.begin() as conn:
        waiting = [step(f"k{at}", "a") for at in range(3)]
        first = groups.group(conn, step("a"), *waiting)
        second = groups.group(conn, step("b"), step("c", "b"), step("d", "b"))
        groups.resolve(conn)
        groups.end_job(conn, groups.job_of(conn, second, "b"))
        settle.settle(conn)
        conn.execute(text("UPDATE step_waits SET state = NULL, ended_at = NULL"))
        conn.execute(text("UPDATE group_steps SET waiting_for = 1 WHERE key IN ('c', 'd')"))
        conn.execute(text("DELETE FROM upstream_changes"))
    assert StepResolver(database).search() == 1
    assert len(pages) == 3
    with database.begin() as conn:
        assert {*groups.states(conn, first).values()} == {S.ENQUEUED, S.PENDING}
        assert {*groups.states(conn, second).values()} == {S.SUCCEEDED, S.ENQUEUED}


def test_many_lost_ends_are_found_in_one_search(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_resolving, "CHUNK", 3)
    with database.begin() as conn:
        group_id = groups.group(conn, *(step(f"k{at}") for at in range(10)))
        groups.resolve(conn)
        conn.execute(text("UPDATE crawl_jobs SET status = 'failed', finished_at = now()"))
    assert StepResolver(database).search() == 10
    with database.begin() as conn:
        assert set(groups.states(conn, group_id).values()) == {S.FAILED}
