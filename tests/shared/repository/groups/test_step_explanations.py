"""Explain steps through other steps, jobs and groups, down to the root causes."""

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from crawljobs.db.database import Connection
from crawljobs.domain.group_plan import Upstream
from crawljobs.domain.step_explanation import StepExplanation
from crawljobs.domain.upstream_facts import UpstreamKind
from crawljobs.repository.groups.edits import group_pausing
from crawljobs.repository.groups.explained import step_causes
from crawljobs.repository.queue import queue_pauses
from support import jobs
from support.groups import end_job, group, job_of, resolve, step
from support.jobs import T0

MINUTE = timedelta(minutes=1)


def explained(conn: Connection, group_id: int, key: str) -> StepExplanation:
    found = step_causes.explain_step(conn, group_id=group_id, key=key, now=T0)
    assert found is not None
    return found


def drawn(found: StepExplanation) -> list[str]:
    """Return each upstream as `number<-waited_for_by kind name state`, roots with a star."""
    return [
        f"{each.number}<-{each.waited_for_by} {each.kind} "
        f"{each.key or each.job_id or each.group_id} {each.state}{' *' * each.is_root}"
        for each in found.upstreams
    ]


def test_a_pending_step_is_explained_down_to_the_job_and_its_wait(conn: Connection) -> None:
    group_id = group(conn, step("a"), step("b", "a"), step("c", "b"), step("d", "c", "a"))
    resolve(conn)
    job = jobs.job(conn, job_of(conn, group_id, "a"))
    queue_pauses.pause(
        conn, scope=job.subreddit_id, reason="r", paused_by="ops", until=T0 + MINUTE, now=T0
    )
    found = explained(conn, group_id, "d")
    assert drawn(found) == [
        "1<-0 step c pending",
        "2<-0 step a enqueued",
        "3<-1 step b pending",
        f"4<-2 job {job.id} waiting *",
    ]
    assert found.complete
    root = found.upstreams[-1]
    assert root.explanation is not None
    assert root.explanation.until == T0 + MINUTE
    assert found.summary == (
        f"It waits for 2 upstreams. Cause: job {job.id} of r/sub_a: It waits for the end of a "
        "pause of its subreddit."
    )
    found = explained(conn, group_id, "a")
    assert found.summary.startswith(f"It follows job {job.id}. Cause: job {job.id} of r/sub_a: It")


def test_a_failure_is_explained_through_groups_and_held_steps_come_first(
    conn: Connection,
) -> None:
    first = group(conn, step("root"), step("other"), step("lost", "root"))
    second = group(
        conn,
        step("held", Upstream(group_id=first), fails="hold"),
        step("sum", all_others=True),
        step("x", priority=1),
    )
    resolve(conn)
    failed = job_of(conn, first, "root")
    end_job(conn, failed, how="failed")
    end_job(conn, job_of(conn, first, "other"))
    resolve(conn)
    x = job_of(conn, second, "x")
    found = explained(conn, second, "sum")
    assert drawn(found) == [
        f"1<-0 group {second} open",
        "2<-1 step held held",
        "3<-1 step x enqueued",
        f"4<-2 group {first} partly",
        f"5<-3 job {x} queued *",
        "6<-4 step root failed",
        "7<-4 step lost skipped",
        f"8<-6 job {failed} failed *",
    ]
    assert found.summary == (
        f"It waits for 1 upstream. Cause: step held of group {second}: It is held: group {first} "
        "ended as partly. An operator must let it proceed or skip it."
    )
    assert found.upstreams[-1].summary == "It failed for good: HTTP 500."
    # The group of `sum` leaves out `sum` itself.
    assert found.upstreams[0].summary == (
        "It has 2 other open steps. 1 of them waits for the decision of an operator."
    )
    # A step that was skipped for its upstream, and a step that a person skipped.
    assert drawn(explained(conn, first, "lost"))[0] == "1<-0 step root failed"
    conn.execute(text("UPDATE group_steps SET skipped_for_upstream = false WHERE key = 'lost'"))
    assert explained(conn, first, "lost").upstreams == []


def test_groups_that_are_paused_or_not_sealed_are_causes(conn: Connection) -> None:
    paused = group(conn, step("a"))
    group_pausing.pause(conn, group_id=paused)
    waiting = group(conn, step("b", Upstream(group_id=paused)))
    resolve(conn)
    found = explained(conn, waiting, "b")
    assert drawn(found) == [f"1<-0 group {paused} paused", "2<-1 step a pending *"]
    assert "its group is paused" in found.summary
    group_pausing.resume(conn, group_id=paused)
    assert "none was seen lately" in explained(conn, waiting, "b").summary
    unsealed = group(conn, step("c", all_others=True), sealed=False)
    resolve(conn)
    found = explained(conn, unsealed, "c")
    assert drawn(found) == [f"1<-0 group {unsealed} open *"]
    assert "It has 0 other open steps. It is not sealed, so it cannot finish." in found.summary
    # A step that waits for all others of a group is no cause of the wait for the group.
    others = group(conn, step("d", all_others=True), step("e"))
    waiting = group(conn, step("f", Upstream(group_id=others)))
    resolve(conn)
    assert [each.key for each in explained(conn, waiting, "f").upstreams] == [None, "e", None]


def test_the_pause_of_its_own_group_is_a_cause_beside_the_upstreams(conn: Connection) -> None:
    group_id = group(
        conn, step("r"), step("bad"), step("b", "r"), step("held", "bad", fails="hold")
    )
    resolve(conn)
    job = job_of(conn, group_id, "r")
    end_job(conn, job_of(conn, group_id, "bad"), how="failed")
    resolve(conn)
    waits = "It waits for 1 upstream"
    assert explained(conn, group_id, "b").summary.startswith(f"{waits}. Cause: job {job} of r/")
    group_pausing.pause(conn, group_id=group_id)
    paused = f"{waits}, and for the end of the pause of its group. Cause: job {job} of r/"
    assert explained(conn, group_id, "b").summary.startswith(paused)
    decision = "An operator must let it proceed or skip it. Its group is paused."
    assert explained(conn, group_id, "held").summary.endswith(decision)


def test_deleted_upstreams_and_circles_end_the_search(conn: Connection) -> None:
    group_id = group(conn, step("a"), step("b", "a"), step("c", "b", fails="hold"))
    resolve(conn)
    end_job(conn, job_of(conn, group_id, "a"), how="failed")
    resolve(conn)
    conn.execute(text("DELETE FROM crawl_jobs"))  # the jobs were pruned
    found = explained(conn, group_id, "c")
    assert found.summary.startswith("It is held: step a failed: job ")  # the copied end
    assert (found.upstreams[-1].state, found.upstreams[-1].summary) == (
        "deleted",
        "It was deleted.",
    )
    circle = group(conn, step("x"), step("y", "x"), step("z", "y"))
    conn.execute(
        text("""
            INSERT INTO step_waits (step_id, upstream_step_id)
            SELECT x.id, z.id FROM group_steps AS x, group_steps AS z
            WHERE x.group_id = :id AND z.group_id = :id AND x.key = 'x' AND z.key = 'z'"""),
        {"id": circle},
    )
    assert [each.key for each in explained(conn, circle, "z").upstreams] == ["y", "x"]
    assert step_causes.explain_step(conn, group_id=circle, key="none") is None


def test_the_depth_the_width_and_the_statements_are_bounded(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = [step(f"w{at}") for at in range(40)]
    chain = [step("c0", "w0"), *(step(f"c{at}", f"c{at - 1}") for at in range(1, 97))]
    last = step("last", "c96", *(f"w{at}" for at in range(40)))
    group_id = group(conn, *wide, *chain, last)
    resolve(conn)
    statements: list[str] = []
    event.listen(conn, "before_cursor_execute", lambda *args: statements.append(args[2]))
    found = explained(conn, group_id, "last")
    assert not found.complete  # it waits for 41 upstreams
    assert len(found.upstreams) <= step_causes.ITEMS_MAX
    widths = [[each.depth for each in found.upstreams].count(depth) for depth in (1, 2, 3, 4)]
    assert widths == [20, 20, 1, 1]
    assert max(each.depth for each in found.upstreams) == 97
    deepest = [each for each in found.upstreams if each.kind is UpstreamKind.STEP][-1]
    assert deepest.key == "c0"
    assert len(statements) <= step_causes.DEPTH_MAX + 4
    monkeypatch.setattr(step_causes, "DEPTH_MAX", 10)
    found = explained(conn, group_id, "c96")
    assert (len(found.upstreams), found.complete) == (10, False)
