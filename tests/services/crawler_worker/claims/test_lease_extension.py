"""One extension of claims: which claims it extends, which it reports as locked or lost."""

import contextlib
from collections.abc import Iterator
from typing import cast

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from crawler_worker.claims.lease_keeper import LeaseKeeper
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.db.direct import DirectConnection
from crawljobs.repository.queue import operator_changes
from support import job_verbs, jobs
from support.claims import CLAIM


def new_keeper() -> LeaseKeeper:
    return LeaseKeeper(
        "postgresql://127.0.0.1:1/none", worker="w", lease_seconds=30, on_work=lambda: None
    )


class Direct:
    """Stands for the keeper's connection, and uses the pool of the test."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextlib.contextmanager
    def call(self) -> Iterator[Connection]:
        with self._database.begin() as conn:
            yield conn


def direct_to(database: Database) -> DirectConnection:
    return cast(DirectConnection, Direct(database))


def test_a_claim_whose_row_is_locked_is_extended_later(database: Database) -> None:
    keeper = new_keeper()
    with database.begin() as conn:
        claims = [jobs.crawling(conn, name) for name in ("locked", "free")]
    locked, free = (keeper.hold(claim, requested_at=0) for claim in claims)
    with database.begin() as conn, capture_logs() as told:
        operator_changes.lock_job(conn, job_id=locked.claim.job_id)
        assert keeper._extend(direct_to(database), [locked, free]) == [locked]
        assert [held.is_valid() for held in (locked, free)] == [False, True]
    assert keeper._extend(direct_to(database), [locked]) == []
    assert locked.is_valid()
    assert told == []


@pytest.mark.parametrize(
    ("is_completing", "is_held", "is_lost"),
    [(False, True, True), (True, True, False), (False, False, False), (True, False, False)],
)
def test_a_claim_that_cannot_be_extended_is_lost_unless_its_crawl_has_ended(
    database: Database, *, is_completing: bool, is_held: bool, is_lost: bool
) -> None:
    keeper = new_keeper()
    with database.begin() as conn:
        claim = jobs.crawling(conn)
        job_verbs.cancel(conn, job_id=claim.job_id)
    held = keeper.hold(claim, requested_at=0)
    held.completing = is_completing
    if not is_held:
        keeper.drop(held)
    with capture_logs() as told:
        assert keeper._extend(direct_to(database), [held]) == []
    assert held.is_lost() is is_lost
    line = {"event": "claim.lost", "log_level": "warning", "job_id": claim.job_id}
    assert told == ([line] if is_lost else [])


REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'never'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON crawl_jobs FOR EACH ROW
    WHEN (OLD.id = 1) EXECUTE FUNCTION refuse()
    """


def test_a_row_that_refuses_an_extension_keeps_no_other_claim_from_it(database: Database) -> None:
    keeper = new_keeper()
    with database.begin() as conn:
        claims = [jobs.crawling(conn, name) for name in ("bad", "good", "locked")]
        assert claims[0].job_id == 1
        conn.execute(text(REFUSE))
    bad, good, locked = (keeper.hold(claim, requested_at=0) for claim in claims)
    with database.begin() as conn, capture_logs() as told:
        operator_changes.lock_job(conn, job_id=locked.claim.job_id)
        assert keeper._extend(direct_to(database), [bad, good, locked]) == [locked]
    assert [held.is_valid() for held in (bad, good)] == [False, True]
    assert not bad.is_lost()
    assert [(line["event"], line["log_level"], line["job_id"]) for line in told] == [
        ("claim.extension_failed", "error", 1)
    ]
    assert "never" in told[0]["reason"]


@pytest.mark.parametrize("error", [KeyError("a bug"), errors.DatabaseUnavailable("away")])
def test_an_error_that_is_not_of_one_row_ends_the_extension(error: Exception) -> None:
    class Broken:
        tries = 0

        @contextlib.contextmanager
        def call(self) -> Iterator[Connection]:
            self.tries += 1
            raise error
            yield

    broken, keeper = Broken(), new_keeper()
    held = [keeper.hold(CLAIM._replace(job_id=number), requested_at=0) for number in (1, 2)]
    with pytest.raises(type(error)):
        keeper._extend(cast(DirectConnection, broken), held)
    assert broken.tries == 1
    assert not keeper.can_extend()
