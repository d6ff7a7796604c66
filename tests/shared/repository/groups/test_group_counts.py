"""Monitoring counts groups and steps by the counts in the rows of groups."""

from datetime import timedelta

import pytest

from crawljobs.db.database import Connection
from crawljobs.domain.group import GroupOutcome, StepState
from crawljobs.domain.group_totals import OpenGroupState
from crawljobs.repository import gauges
from crawljobs.repository.groups import group_counts
from crawljobs.repository.groups.edits import group_pausing
from crawljobs.runtime.probes import group_gauges
from support.groups import end_job, group, job_of, resolve, step
from support.jobs import T0

HOUR = timedelta(hours=1)


def test_case_25_held_and_pending_steps_are_counted(conn: Connection) -> None:
    group(conn, step("a"), step("b", "a"), step("c", "b"), now=T0)
    group(conn, step("d"), sealed=False, now=T0)
    paused = group(conn, step("e"), now=T0 - 9 * HOUR)
    group_pausing.pause(conn, group_id=paused)
    held = group(conn, step("f"), step("g", "f", fails="hold"), step("h", "f"), now=T0)
    finished = group(conn, step("i"), now=T0)
    resolve(conn)
    end_job(conn, job_of(conn, held, "f"), how="failed")
    end_job(conn, job_of(conn, finished, "i"))
    resolve(conn)
    found = group_counts.count_groups(conn, now=T0 + HOUR)
    assert found.by_state == dict.fromkeys(OpenGroupState, 1)
    assert {state: count for state, count in found.steps.items() if count} == {
        StepState.PENDING: 3,
        StepState.ENQUEUED: 2,
        StepState.HELD: 1,
        StepState.FAILED: 1,
        StepState.SKIPPED: 1,
    }
    assert found.recent == {**dict.fromkeys(GroupOutcome, 0), GroupOutcome.SUCCEEDED: 1}
    assert (found.oldest_pending_seconds, found.capped) == (3600, False)
    assert group_counts.count_groups(conn, now=T0 + 25 * HOUR).recent[GroupOutcome.SUCCEEDED] == 0
    assert gauges.read_gauges(conn, now=T0 + HOUR).groups == found
    shown = {
        (family.name, *sample.labels.values()): sample.value
        for family in group_gauges.families(found)
        for sample in family.samples
    }
    assert len(shown) == 4 + 7 + 4 + 1
    assert shown["crawl_steps", "held"] == shown["crawl_groups", "held"] == 1
    assert shown["crawl_recent_groups", "succeeded"] == 1
    assert shown["crawl_group_oldest_pending_seconds",] == 3600


def test_the_count_of_open_groups_stops_at_a_limit(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        group(conn, sealed=False)
    for limit, capped in ((2, True), (3, False)):
        monkeypatch.setattr(group_counts, "OPEN_MAX", limit)
        assert group_counts.count_groups(conn).capped is capped
