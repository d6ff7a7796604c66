"""An operator's change has a result for each job, also while other transactions enqueue."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.queue import operator_changes, parked_jobs
from crawljobs.repository.queue.operator_changes import JobChange
from support import jobs
from support.jobs import T0
from support.parked import SECOND, deferred
from support.refusing_rows import refuse

UNKNOWN = 2**40
REFUSE = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM nextval('tries');
        RAISE EXCEPTION 'refused' USING ERRCODE = '{state}', CONSTRAINT = '{constraint}';
    END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON crawl_jobs FOR EACH ROW EXECUTE FUNCTION refuse()
    """


def kinds(changes: list[JobChange]) -> list[type[Exception] | None]:
    return [None if one.error is None else type(one.error) for one in changes]


def test_a_change_without_an_effect_is_no_error(conn: Connection) -> None:
    job = jobs.job(conn, jobs.enqueue(conn))
    other = replace(job, priority=99)
    assert JobChange(1, before=job, after=job).changes_nothing
    assert not JobChange(1, before=job, after=other).changes_nothing
    assert not JobChange(1, before=job).changes_nothing  # the job was deleted
    assert not JobChange(1, error=errors.NotFound("no")).changes_nothing


def test_each_job_has_its_result_in_the_given_order(conn: Connection) -> None:
    waiting = jobs.in_status(conn, JobStatus.WAITING, "waiting")
    queued = jobs.enqueue(conn, "queued")
    ids = [queued, UNKNOWN, waiting, waiting]
    changes = operator_changes.change_many(conn, verb=Verb.WAKE, job_ids=ids, now=T0)
    assert [one.job_id for one in changes] == ids
    assert kinds(changes) == [errors.IllegalTransition, errors.NotFound, None, errors.Duplicate]
    assert [str(one.error) for one in changes if one.error is not None] == [
        "cannot wake a job that is queued: it must be waiting",
        f"there is no job {UNKNOWN}",
        f"job {waiting} is listed more than once",
    ]
    assert changes[2].before is not None
    assert changes[2].before.status is JobStatus.WAITING
    assert changes[2].after == jobs.job(conn, waiting)
    assert [one.after for one in changes].count(None) == 3


def test_of_several_finished_jobs_of_a_subreddit_the_newest_is_retried(conn: Connection) -> None:
    old, middle, newest = (jobs.in_status(conn, JobStatus.FAILED) for _ in range(3))
    alone = jobs.in_status(conn, JobStatus.SUCCEEDED, "rust")
    busy = jobs.in_status(conn, JobStatus.FAILED, "golang")
    live = jobs.enqueue(conn, "golang")
    ids = [newest, old, alone, busy, middle]
    changes = operator_changes.change_many(conn, verb=Verb.RETRY, job_ids=ids, now=T0)
    exists = errors.LiveJobExists
    assert kinds(changes) == [None, exists, None, exists, exists]
    named = [getattr(one.error, "job_id", None) for one in changes]
    assert named == [None, newest, None, live, newest]
    states = {job_id: jobs.job(conn, job_id).status for job_id in (*ids, live)}
    queued = {job_id for job_id, status in states.items() if status is JobStatus.QUEUED}
    assert queued == {newest, alone, live}


def test_a_preview_shows_the_results_and_changes_no_job(conn: Connection) -> None:
    job_id = jobs.in_status(conn, JobStatus.FAILED)
    before = jobs.job(conn, job_id)
    changes = operator_changes.change_many(
        conn, verb=Verb.RETRY, job_ids=[job_id, UNKNOWN], dry_run=True, now=T0
    )
    assert kinds(changes) == [None, errors.NotFound]
    assert (changes[0].before, changes[0].after) == (before, before)
    assert jobs.job(conn, job_id) == before


def test_a_job_that_is_enqueued_during_the_change_refuses_only_its_own_subreddit(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (jobs.in_status(conn, JobStatus.FAILED, name) for name in ("python", "rust"))
    live = jobs.enqueue(conn)
    look = operator_changes._live_jobs_of
    looks: list[list[int]] = []

    def too_early(conn: Connection, job_ids: list[int]) -> dict[int, errors.CrawljobsError]:
        """At the first call, return no live job, as if the live job did not exist yet."""
        looks.append(job_ids)
        return {} if len(looks) == 1 else look(conn, job_ids)

    monkeypatch.setattr(operator_changes, "_live_jobs_of", too_early)
    changes = operator_changes.change_many(conn, verb=Verb.RETRY, job_ids=[one, other], now=T0)
    assert kinds(changes) == [errors.LiveJobExists, None]
    assert str(changes[0].error) == f"the subreddit of job {one} already has a live job: {live}"
    assert jobs.job(conn, one).status is JobStatus.FAILED
    assert jobs.job(conn, other).status is JobStatus.QUEUED


@pytest.mark.parametrize(
    ("constraint", "error", "tries"),
    [
        ("crawl_jobs_live_key", errors.DatabaseUnavailable, 20),
        ("another_key", IntegrityError, 1),
    ],
)
def test_a_change_is_tried_again_only_beside_enqueues(
    conn: Connection, constraint: str, error: type[Exception], tries: int
) -> None:
    job_id = jobs.in_status(conn, JobStatus.FAILED)
    conn.execute(text(REFUSE.format(state="23505", constraint=constraint)))
    with pytest.raises(error), conn.begin_nested():
        operator_changes.change_many(conn, verb=Verb.RETRY, job_ids=[job_id], now=T0)
    assert conn.execute(text("SELECT last_value FROM tries")).scalar_one() == tries


def test_a_row_that_refuses_to_be_freed_from_reddit_spoils_no_other_change(
    conn: Connection,
) -> None:
    bad = deferred(conn, WaitReason.OUTAGE, 50 * SECOND)
    refuse(conn, "crawl_jobs", bad)
    assert parked_jobs.free_from_reddit(conn, now=T0) == 0
    other = jobs.enqueue(conn, "other")  # the transaction goes on
    assert jobs.job(conn, bad).wait_reason is WaitReason.OUTAGE
    assert jobs.job(conn, other).status is JobStatus.QUEUED


def test_a_missing_right_to_free_jobs_from_reddit_is_raised(conn: Connection) -> None:
    deferred(conn, WaitReason.OUTAGE, 50 * SECOND)
    conn.execute(text(REFUSE.format(state="42501", constraint="")))
    with pytest.raises(DBAPIError, match="refused"), conn.begin_nested():
        parked_jobs.free_from_reddit(conn, now=T0)


def test_a_job_that_does_not_exist_cannot_be_locked(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    assert operator_changes.lock_job(conn, job_id=job_id) == jobs.job(conn, job_id)
    assert operator_changes.lock_job(conn, job_id=UNKNOWN) is None


@pytest.mark.parametrize(
    ("verb", "points", "before", "after"),
    [
        (Verb.BOOST, 5, (100, 100), (100, 100)),
        (Verb.BOOST, 5, (100, 90), (100, 95)),
        (Verb.BOOST, 5, (60, 50), (65, 55)),
        (Verb.CHANGE_PRIORITY, 50, (50, 50), (50, 50)),
        (Verb.CHANGE_PRIORITY, 50, (60, 50), (50, 50)),
        (Verb.CHANGE_PRIORITY, 50, (50, 60), (50, 50)),
    ],
)
def test_a_job_that_has_its_new_priority_already_is_not_written(
    conn: Connection, verb: Verb, points: int, before: tuple[int, int], after: tuple[int, int]
) -> None:
    job_id = jobs.enqueue(conn)
    other = jobs.job(conn, jobs.enqueue(conn, "other"))
    conn.execute(
        text("UPDATE crawl_jobs SET priority = :p, base_priority = :b WHERE id = :id"),
        {"p": before[0], "b": before[1], "id": job_id},
    )
    writes = (
        "CREATE TEMP TABLE writes (id bigint);"
        "CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO writes VALUES (NEW.id); RETURN NULL; END';"
        "CREATE TRIGGER note AFTER UPDATE ON crawl_jobs FOR EACH ROW "
        "EXECUTE FUNCTION pg_temp.note()"
    )
    conn.exec_driver_sql(writes)
    change = operator_changes.change(conn, verb=verb, job_id=job_id, points=points, now=T0)
    assert change.changes_nothing is (before == after)
    found = jobs.job(conn, job_id)
    assert (found.priority, found.base_priority) == after
    written = conn.execute(text("SELECT id FROM writes")).scalars().all()
    assert written == ([] if before == after else [job_id])
    assert jobs.job(conn, other.id) == other


def test_a_retried_job_has_no_failure_and_no_rescue_on_its_account(conn: Connection) -> None:
    job_id = jobs.in_status(conn, JobStatus.FAILED)
    conn.execute(
        text(
            "UPDATE crawl_jobs SET retry_count = 5, rescues_in_a_row = 4, outcome = 'x', "
            "priority = 70, created_at = :at"
        ),
        {"at": T0 + SECOND},
    )
    operator_changes.change(conn, verb=Verb.RETRY, job_id=job_id, now=T0)
    columns = "retry_count, rescues_in_a_row, outcome, priority, visible_at, queued_at"
    found = conn.execute(text(f"SELECT {columns}, gap_waived FROM crawl_jobs")).one()
    # The clock was set back, and queued_at must not be earlier than created_at.
    assert tuple(found) == (0, 0, None, 50, T0, T0 + SECOND, True)


@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.GIVE_UP])
def test_only_the_claim_of_an_ended_job_becomes_an_attempt(conn: Connection, verb: Verb) -> None:
    waiting = jobs.in_status(conn, JobStatus.WAITING, "waiting")
    ended, other = (jobs.crawling(conn, name) for name in ("ended", "other"))
    before = T0 - 60 * SECOND  # the clock was set back
    ids = [waiting, ended.job_id]
    operator_changes.change_many(conn, verb=verb, job_ids=ids, now=before)
    attempts = conn.execute(
        text("SELECT job_id, worker, started_at, ended_at, outcome FROM crawl_job_attempts")
    ).all()
    assert [tuple(row) for row in attempts] == [(ended.job_id, "worker-1", T0, T0, "cancelled")]
    for job_id in ids:
        job = jobs.job(conn, job_id)
        assert job.status is (JobStatus.CANCELLED if verb is Verb.CANCEL else JobStatus.FAILED)
        assert (job.finished_at, job.claimed_by, job.wait_reason) == (T0, None, None)
    assert jobs.job(conn, other.job_id).status is JobStatus.CRAWLING


def test_a_deleted_job_takes_only_its_own_attempts_with_it(conn: Connection) -> None:
    gone, kept = (jobs.in_status(conn, JobStatus.FAILED, name) for name in ("gone", "kept"))
    live = jobs.enqueue(conn, "live")
    changes = operator_changes.change_many(conn, verb=Verb.DELETE, job_ids=[gone, live], now=T0)
    assert kinds(changes) == [None, errors.IllegalTransition]
    assert (changes[0].before is None, changes[0].after) == (False, None)
    assert not changes[0].changes_nothing
    for column, table in (("job_id", "crawl_job_attempts"), ("id", "crawl_jobs")):
        found = conn.execute(text(f"SELECT {column} FROM {table} ORDER BY 1")).scalars().all()
        assert found == ([kept] if table == "crawl_job_attempts" else [kept, live])
