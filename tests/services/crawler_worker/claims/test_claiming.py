"""A worker gives back a claim whose reply was lost. The job may have changed meanwhile."""

import contextlib
import threading

import pytest

from crawler_worker.claims.claiming import Claiming
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import job_verbs, jobs, locks, tcp_proxy
from support.tcp_proxy import LoseReply


def test_a_claim_that_is_ended_while_it_is_asked_for_is_nobodys(
    database: Database, database_url: str
) -> None:
    with database.begin() as conn:
        job_id = jobs.enqueue(conn, now=None)
    with tcp_proxy.serve(database_url) as proxy, contextlib.closing(Database(proxy.url)) as cut:
        claiming = Claiming(cut, worker="w", lease_seconds=30)
        proxy.rule = LoseReply("claimed_by = ", autocommit=True)
        with pytest.raises(errors.DatabaseUnavailable):
            claiming.claim(1)
        proxy.heal()
        failed: list[Exception] = []

        def give_back() -> None:
            try:
                claiming.release_unanswered()
            except Exception as error:  # noqa: BLE001 - the main thread checks it
                failed.append(error)

        asking = threading.Thread(target=give_back)
        with database.begin() as conn:
            job_verbs.give_up(conn, job_id=job_id)
            asking.start()
            locks.wait_until_blocked(database)
        asking.join(10)
    assert failed == []
    with database.begin() as conn:
        assert jobs.job(conn, job_id).status is JobStatus.FAILED
