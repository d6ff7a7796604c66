"""Each change that can be an event writes exactly one row, with the change, if an endpoint fits."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from crawljobs.db.database import Connection
from crawljobs.db.tables import webhook_events
from crawljobs.domain.actor import Actor
from crawljobs.domain.job import ErrorKind
from crawljobs.domain.operation import OperationKind
from crawljobs.domain.operator_verbs import Verb
from crawljobs.domain.request_budget import PausedReason
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.schedule import RunOutcome
from crawljobs.domain.subreddit import AccessState
from crawljobs.domain.webhook import SUBSCRIBABLE, EventType
from crawljobs.repository.content import discovery, stored_subreddits, subreddit_access
from crawljobs.repository.groups import group_creation
from crawljobs.repository.groups.batches import group_batches
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.queue import operator_changes
from crawljobs.repository.queue.job_completion_sql import COMPLETION_STATEMENTS
from crawljobs.repository.queue.maintenance import job_maintenance
from crawljobs.repository.reddit_api import reddit_outages, reddit_pauses, reply_failures
from crawljobs.repository.schedules import due_schedules, schedule_disabling, schedule_ledger
from crawljobs.repository.schedules.schedule_ledger import Run
from crawljobs.repository.webhooks import event_expansion
from crawljobs.repository.webhooks.event_data import DATA
from crawljobs.repository.webhooks.events import (
    access_events,
    group_events,
    job_events,
    pause_events,
    schedule_events,
)
from scheduler import schedule_firing
from support import crawled, groups, job_verbs, jobs, schedule_rows
from support.jobs import T0

ADA = Actor("ada")
HOUR = timedelta(hours=1)
# A change is prepared, and then made by the returned function.
Prepare = Callable[[Connection], Callable[[Connection], object]]


def completed(conn: Connection) -> Callable[[Connection], object]:
    claim = jobs.crawling(conn)
    return lambda c: jobs.complete(c, claim=claim, outcome="crawled", now=T0)


def failed(conn: Connection) -> Callable[[Connection], object]:
    claim = jobs.crawling(conn)
    return lambda c: jobs.fail(c, claim=claim, kind=ErrorKind.PERMANENT, message="no", now=T0)


def rescued(conn: Connection) -> Callable[[Connection], object]:
    jobs.crawling(conn, max_retries=0)
    return lambda c: job_maintenance.rescue_stuck_jobs(
        c, lease_seconds=0.001, reset_after=HOUR, retry=RetryPolicy(), now=T0 + HOUR
    )


def cancelled(conn: Connection) -> Callable[[Connection], object]:
    job_id = jobs.enqueue(conn)
    return lambda c: job_verbs.cancel(c, job_id=job_id)


def given_up(conn: Connection) -> Callable[[Connection], object]:
    job_id = jobs.enqueue(conn)
    return lambda c: job_verbs.give_up(c, job_id=job_id)


def cancelled_in_bulk(conn: Connection) -> Callable[[Connection], object]:
    ids = [jobs.enqueue(conn), 999]
    return lambda c: operator_changes.change_many(c, verb=Verb.CANCEL, job_ids=ids)


def cancelled_with_group(conn: Connection) -> Callable[[Connection], object]:
    group_id = groups.group(conn, groups.step("a"), sealed=False)
    groups.resolve(conn)
    request = BatchRequest(group_id, "ada", ADA)
    return lambda c: group_batches.start(
        c, OperationKind.CANCEL_GROUP, request, at_most=1_000, now=T0
    )


def finished(conn: Connection) -> Callable[[Connection], object]:
    group_id = groups.group(conn, groups.step("a"))
    groups.resolve(conn)
    groups.end_job(conn, groups.job_of(conn, group_id, "a"))
    return groups.resolve


def finished_by_seal(conn: Connection) -> Callable[[Connection], object]:
    group_id = groups.group(conn, sealed=False)
    return lambda c: group_creation.seal(c, group_id=group_id, now=T0)


def step_failed(conn: Connection) -> Callable[[Connection], object]:
    """Two steps of one group fail: only the first is an event."""
    group_id = groups.group(conn, groups.step("a"), groups.step("b"), groups.step("c"))
    groups.resolve(conn)
    for key in ("a", "b"):
        groups.end_job(conn, groups.job_of(conn, group_id, key), how="failed")
    return groups.resolve


def schedule_disabled(conn: Connection) -> Callable[[Connection], object]:
    made = schedule_rows.create(conn)
    return lambda c: due_schedules.disable_schedule(c, schedule_id=made.id, reason="no")


def schedule_barred(conn: Connection) -> Callable[[Connection], object]:
    made = schedule_rows.create(conn)
    return lambda c: schedule_disabling.disable_schedules_of(
        c, subreddit_id=made.subreddit_id or 0, reason="r/python is banned", actor=ADA
    )


def missed(conn: Connection) -> Callable[[Connection], object]:
    made = schedule_rows.create(conn, now=T0)
    runs = [Run(made.id, T0, RunOutcome.MISSED), Run(made.id, T0 + HOUR, RunOutcome.ENQUEUED)]
    return lambda c: schedule_ledger.record_runs(c, runs=runs)


def missed_by_outage(conn: Connection) -> Callable[[Connection], object]:
    schedule_rows.create(conn, now=T0)
    return lambda c: schedule_firing.fire_due_schedules(c, at_most=10, now=T0 + 5.5 * HOUR)


def subreddit(conn: Connection, access: str = "public") -> int:
    made = conn.execute(
        text("INSERT INTO subreddits (name, access) VALUES ('Python', :access) RETURNING id"),
        {"access": access},
    )
    return int(made.scalar_one())


def access_denied(conn: Connection) -> Callable[[Connection], object]:
    found = subreddit(conn)
    return lambda c: subreddit_access.record_access(
        c, subreddit_id=found, access=AccessState.PRIVATE
    )


def access_opened(conn: Connection) -> Callable[[Connection], object]:
    found = subreddit(conn, "private")
    return lambda c: subreddit_access.record_open(c, subreddit_id=found, access=AccessState.PUBLIC)


def access_described(conn: Connection) -> Callable[[Connection], object]:
    subreddit(conn, "restricted")
    other = crawled.about("new", access=AccessState.PUBLIC)  # a new subreddit has not changed
    return lambda c: stored_subreddits.upsert(
        c, abouts=[crawled.about("python", access=AccessState.PUBLIC), other]
    )


def budget(conn: Connection) -> None:
    conn.execute(text("INSERT INTO reddit_budgets (client_id) VALUES ('client')"))


def paused(conn: Connection) -> Callable[[Connection], object]:
    budget(conn)
    return lambda c: reddit_pauses.pause_all(c, client_id="client", seconds=5.0)


def refused(conn: Connection) -> Callable[[Connection], object]:
    return lambda c: reddit_outages.pause(
        c, client_id="new", reason=PausedReason.CLIENT_REFUSED, detail="x", is_probe=False
    )


def breaker_opened(conn: Connection) -> Callable[[Connection], object]:
    budget(conn)
    for _ in range(9):
        reply_failures.record_failed(conn, client_id="client")
    return lambda c: reply_failures.record_failed(c, client_id="client")


WAYS: dict[str, tuple[EventType, Prepare]] = {
    "completed": (EventType.JOB_SUCCEEDED, completed),
    "failed": (EventType.JOB_FAILED, failed),
    "rescued": (EventType.JOB_FAILED, rescued),
    "cancelled": (EventType.JOB_CANCELLED, cancelled),
    "given up": (EventType.JOB_FAILED, given_up),
    "cancelled in bulk": (EventType.JOB_CANCELLED, cancelled_in_bulk),
    "cancelled with its group": (EventType.JOB_CANCELLED, cancelled_with_group),
    "finished": (EventType.GROUP_FINISHED, finished),
    "finished by the seal": (EventType.GROUP_FINISHED, finished_by_seal),
    "step failed": (EventType.GROUP_STEP_FAILED, step_failed),
    "schedule disabled": (EventType.SCHEDULE_DISABLED, schedule_disabled),
    "schedule of a banned subreddit": (EventType.SCHEDULE_DISABLED, schedule_barred),
    "missed": (EventType.SCHEDULE_MISSED, missed),
    "missed by an outage": (EventType.SCHEDULE_MISSED, missed_by_outage),
    "access denied": (EventType.SUBREDDIT_ACCESS_CHANGED, access_denied),
    "access opened": (EventType.SUBREDDIT_ACCESS_CHANGED, access_opened),
    "access described": (EventType.SUBREDDIT_ACCESS_CHANGED, access_described),
    "paused": (EventType.BUDGET_PAUSED, paused),
    "refused": (EventType.BUDGET_PAUSED, refused),
    "breaker opened": (EventType.BUDGET_PAUSED, breaker_opened),
}


def subscribe(conn: Connection, *kinds: str, **filters: Any) -> int:
    given = {"filter_group_id": None, "filter_source": None, "filter_subreddit": None, **filters}
    return int(
        conn.execute(
            text("""
                INSERT INTO webhook_endpoints (url, events, created_by, filter_group_id,
                    filter_source, filter_subreddit)
                VALUES ('https://x', :kinds, 'ada', :filter_group_id, :filter_source,
                    :filter_subreddit)
                RETURNING id
            """),
            {"kinds": list(kinds), **given},
        ).scalar_one()
    )


def events(conn: Connection) -> list[Any]:
    """Return the events in the order of their versions, with the data that a receiver gets."""
    row = webhook_events.c
    columns = [row.id, row.type, row.created_at, row.job_id, row.group_ids, row.source]
    query = select(*columns, row.subreddit, row.version, DATA.label("data"))
    return [*conn.execute(query.order_by(row.version))]


# The functions that send the second statement of a change.
WRITERS = [
    (module, name)
    for module in (access_events, group_events, job_events, pause_events, schedule_events)
    for name in vars(module)
    if name.startswith("record")
]


def unwanted_statement(*_: object, **__: object) -> None:
    raise AssertionError("without an endpoint, a change sends no further statement")


def others(kind: EventType) -> list[str]:
    return [other for other in SUBSCRIBABLE if other is not kind]


@pytest.mark.parametrize("way", WAYS)
def test_a_change_writes_one_event_with_it_and_nothing_without_an_endpoint(
    conn: Connection, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, prepare = WAYS[way]
    change = prepare(conn)
    subscribe(conn, *others(kind))
    with conn.begin_nested() as unwanted:
        change(conn)
        assert [row.type for row in events(conn) if row.type == kind] == []
        unwanted.rollback()
    conn.execute(text("DELETE FROM webhook_endpoints"))
    with conn.begin_nested() as without, monkeypatch.context() as patched:
        for module, name in WRITERS:
            patched.setattr(module, name, unwanted_statement)
        for ending in COMPLETION_STATEMENTS:
            if ending.with_events is not None:
                patched.setattr(ending.with_events, "rows", unwanted_statement)
        change(conn)
        assert events(conn) == []
        without.rollback()
    endpoint = subscribe(conn, kind)
    with conn.begin_nested() as undone:
        change(conn)
        assert [row.type for row in events(conn)] == [kind]
        undone.rollback()
    assert events(conn) == []  # without the change there is no event
    for reason, expected in (("operator", []), ("failing", [kind])):
        conn.execute(
            text("""
                UPDATE webhook_endpoints SET state = 'disabled', disabled_reason = :reason,
                    disabled_at = now() WHERE id = :id
            """),
            {"reason": reason, "id": endpoint},
        )
        with conn.begin_nested() as disabled:
            change(conn)
            assert [row.type for row in events(conn)] == expected
            disabled.rollback()


def test_the_data_has_the_state_after_the_change(conn: Connection) -> None:
    subscribe(conn, *SUBSCRIBABLE)
    group_id = groups.group(conn, groups.step("a"), groups.step("b", "a"))
    groups.resolve(conn)
    job_id = groups.job_of(conn, group_id, "a")
    groups.end_job(conn, job_id, how="failed")
    groups.resolve(conn)
    event_expansion.expand(conn)  # adds the names of subreddits
    job_failed, step, done = events(conn)
    assert job_failed.data == {
        "job_id": job_id,
        "subreddit": "sub_a",
        "source": "user",
        "status": "failed",
        "outcome": None,
        "error_kind": "permanent",
        "incomplete": False,
        "finished_at": "2031-05-04T12:00:00.000000Z",
        "schedule_id": None,
        "group_id": group_id,
        "generation": 1,
        "group_ids": [group_id],
    }
    assert (job_failed.job_id, job_failed.group_ids) == (job_id, [group_id])
    assert (job_failed.source, job_failed.subreddit) == ("user", "sub_a")
    assert (step.type, step.data["step_key"], step.data["job_id"]) == (
        "group.step_failed",
        "a",
        job_id,
    )
    assert (done.type, done.data["outcome"], done.group_ids) == (
        "group.finished",
        "failed",
        [group_id],
    )
    assert done.data["steps"]["skipped"] == 1


def test_a_later_event_of_a_job_or_group_has_a_greater_version(conn: Connection) -> None:
    """A job is retried and fails again; its group finishes in two generations."""
    subscribe(conn, "job.failed", "job.succeeded", "group.finished", "group.step_failed")
    group_id = groups.group(conn, groups.step("a"))
    groups.resolve(conn)
    job_id = groups.job_of(conn, group_id, "a")
    for how in ("failed", "failed", "crawled"):
        groups.end_job(conn, job_id, how=how)
        groups.resolve(conn)
        job_verbs.retry(conn, job_id=job_id, now=T0)
        groups.resolve(conn)
    found = events(conn)
    assert [row.type for row in found] == [
        *("job.failed", "group.step_failed", "group.finished"),
        *("job.failed", "group.step_failed", "group.finished"),
        *("job.succeeded", "group.finished"),
    ]
    assert [row.version for row in found] == sorted({row.version for row in found})
    finishes = [row.data["generation"] for row in found if row.type == "group.finished"]
    assert finishes == [1, 2, 3]


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({"filter_subreddit": "sub_a"}, True),
        ({"filter_subreddit": "sub_b"}, False),
        ({"filter_source": "user"}, True),
        ({"filter_source": "schedule"}, False),
        ({"group_offset": 0}, True),
        ({"group_offset": 1}, False),
        ({"group_offset": 0, "filter_source": "stale"}, False),
    ],
)
def test_an_event_that_fits_no_filter_is_not_written(
    conn: Connection, filters: dict[str, Any], fits: bool
) -> None:
    group_id = groups.group(conn, groups.step("a"))
    given = dict(filters)
    if "group_offset" in given:
        given["filter_group_id"] = group_id + given.pop("group_offset")
    subscribe(conn, "job.failed", **given)
    groups.resolve(conn)
    groups.end_job(conn, groups.job_of(conn, group_id, "a"), how="failed")
    assert len(events(conn)) == fits


def test_the_first_look_at_a_subreddit_is_an_event_only_if_it_is_closed(conn: Connection) -> None:
    subscribe(conn, "subreddit.access_changed")
    found = subreddit(conn, "unknown")
    subreddit_access.record_open(conn, subreddit_id=found, access=AccessState.PUBLIC)
    assert events(conn) == []
    conn.execute(text("UPDATE subreddits SET access = 'unknown'"))
    subreddit_access.record_access(conn, subreddit_id=found, access=AccessState.BANNED)
    (row,) = events(conn)
    assert (row.data["former_access"], row.data["access"]) == ("unknown", "banned")


def test_a_known_subreddit_that_discovery_finds_missing_is_an_event(conn: Connection) -> None:
    subscribe(conn, "subreddit.access_changed")
    known = subreddit(conn, "unknown")
    names = ["python", "new_name"]
    for _ in range(2):  # the second time changes nothing
        discovery.record_missing(conn, names=names, discovered_from=known, depth=1, now=T0)
        (row,) = events(conn)
        assert row.data["subreddit"] == "Python"
        assert (row.data["former_access"], row.data["access"]) == ("unknown", "not_found")


def test_a_pause_is_an_event_at_most_once_an_hour_for_each_reason(conn: Connection) -> None:
    subscribe(conn, "budget.paused")
    budget(conn)
    for minutes in (0, 10, 59, 61, 100):
        at = T0 + timedelta(minutes=minutes)
        reddit_pauses.pause_all(conn, client_id="client", seconds=5.0, now=at)
    reddit_outages.pause(
        conn,
        client_id="client",
        reason=PausedReason.OUTAGE,
        detail="",
        is_probe=False,
        now=T0 + HOUR,
    )
    found = [(row.data["reason"], row.created_at - T0) for row in events(conn)]
    assert found == [
        ("rate_limit", timedelta()),
        ("rate_limit", timedelta(minutes=61)),
        ("outage", HOUR),
    ]


def test_each_type_that_an_endpoint_can_want_has_a_way() -> None:
    written = {kind for kind, _ in WAYS.values()}
    # The deliverer writes webhook.disabled.
    assert written == {*SUBSCRIBABLE} - {EventType.WEBHOOK_DISABLED}
