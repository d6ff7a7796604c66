"""When the database's clock is set back, no attempt and no job ends before its start."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.claim import Claim
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.queue import job_completion, operator_changes
from support import jobs
from support.jobs import EACH_END, T0

BEFORE = T0 - timedelta(hours=1)

WAYS: dict[str, Callable[[Connection, Claim], object]] = {
    **{
        how: lambda conn, claim, of=of: job_completion.complete_claim(conn, of(claim), now=BEFORE)  # type: ignore[misc]
        for how, of in EACH_END.items()
    },
    **{
        verb.value: lambda conn, claim, verb=verb: operator_changes.change(  # type: ignore[misc]
            conn, verb=verb, job_id=claim.job_id, now=BEFORE
        )
        for verb in (Verb.CANCEL, Verb.GIVE_UP)
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_an_attempt_and_a_job_end_no_sooner_than_the_claim_began(
    conn: Connection, way: str
) -> None:
    claim = jobs.crawling(conn)
    WAYS[way](conn, claim)
    attempt = conn.execute(text("SELECT started_at, ended_at FROM crawl_job_attempts")).one()
    assert (attempt.started_at, attempt.ended_at) == (T0, T0)
    assert jobs.job(conn, claim.job_id).finished_at in (None, T0)


@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.GIVE_UP])
def test_a_queued_job_ends_no_sooner_than_it_was_made(conn: Connection, verb: Verb) -> None:
    job_id = jobs.enqueue(conn)
    operator_changes.change(conn, verb=verb, job_id=job_id, now=BEFORE)
    assert jobs.job(conn, job_id).finished_at == T0
