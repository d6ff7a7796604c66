"""End any number of claims by the verbs complete, fail, schedule_retry, defer and release.

The claim fence guards each row: it checks the job's id, the claim token and `status = 'crawling'`.
The statement that ends a claim also writes the attempt and, after a rerun request, the follow-up
job. For a lost claim, the statement changes nothing. The other claims of the statement still end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection

from crawljobs import errors
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.claim import Claim
from crawljobs.domain.completion import Completion
from crawljobs.repository import array_text
from crawljobs.repository.queue import job_completion_sql
from crawljobs.repository.queue.job_completion_sql import CompletionStatement

_WANTED_LATELY = "webhook endpoint wanted the event lately"


class WriteResult(Enum):
    """The result of complete_claims for one claim."""

    APPLIED = auto()
    WATCHED = auto()  # applied; steps depend on the job, so the resolver has work
    LOCKED = auto()  # the claim is valid, but another transaction has locked the job's row
    STALE = auto()  # the claim is lost: the job has another claim token or is not being crawled

    @property
    def is_applied(self) -> bool:
        return self in (WriteResult.APPLIED, WriteResult.WATCHED)


def complete_claims(
    conn: Connection, *, completions: Sequence[Completion], now: datetime | None = None
) -> list[WriteResult]:
    """End the claims, with one statement for each verb. Each claim may occur only once.

    Returns one result for each item of `completions`, in the same order. If another transaction has
    locked a job's row, the function does not wait: the result for that job's claim is LOCKED.
    """
    results = [WriteResult.STALE] * len(completions)
    for of_verb in job_completion_sql.COMPLETION_STATEMENTS:
        places = [at for at, each in enumerate(completions) if each.verb is of_verb.verb]
        if not places:
            continue
        chosen = [completions[place] for place in places]
        values = {name: _array(name, chosen) for name in of_verb.columns}
        parameters = {**_claims(chosen), **values, "now": now}
        for place, is_watched, *_ in _end(conn, of_verb, parameters):
            results[places[place - 1]] = WriteResult.WATCHED if is_watched else WriteResult.APPLIED
    missing = [place for place, result in enumerate(results) if result is WriteResult.STALE]
    if missing:
        chosen = [completions[place] for place in missing]
        for found in conn.execute(job_completion_sql.STILL_HELD, _claims(chosen)):
            results[missing[found[0] - 1]] = WriteResult.LOCKED
    return results


def _end(
    conn: Connection, ending: CompletionStatement, values: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """End the claims by one of the two forms of the statement. Return a row for each ended claim.

    The form with events is correct in all cases. `conn.info`, which belongs to the connection to
    the database, notes whether an endpoint wanted the event of the verb lately. If so, the form
    with events is sent at once, which saves a round trip.
    """
    if ending.with_events is None:
        return ending.statement.rows(conn, values)
    wanted_lately = (_WANTED_LATELY, ending.verb)
    rows = [] if conn.info.get(wanted_lately) else ending.statement.rows(conn, values)
    if not rows:
        rows = ending.with_events.rows(conn, values)
        if rows:
            conn.info[wanted_lately] = rows[0][-1]
    return rows


def complete_claim(
    conn: Connection, completion: Completion, *, now: datetime | None = None
) -> None:
    """End one claim. Raises ClaimLost if the result is neither APPLIED nor WATCHED."""
    (result,) = complete_claims(conn, completions=[completion], now=now)
    if not result.is_applied:
        job_id = completion.claim.job_id
        raise errors.ClaimLost(f"this worker no longer holds the claim of job {job_id}")


def recorded_outcome(conn: Connection, *, claim: Claim) -> AttemptOutcome | None:
    """Return the outcome of the claim's attempt, or None if the claim has not ended.

    A worker calls this function if it lost the reply to the statement that ends the claim.
    """
    values = {"job_id": claim.job_id, "claimed_at": claim.claimed_at}
    outcome = conn.execute(job_completion_sql.RECORDED_OUTCOME, values).scalar()
    return None if outcome is None else AttemptOutcome(outcome)


def _claims(completions: Sequence[Completion]) -> dict[str, str]:
    """Return job ids and tokens as texts of SQL arrays. The driver sends lists more slowly."""
    return {
        "ids": array_text.of_words([str(each.claim.job_id) for each in completions]),
        "tokens": array_text.of_words([each.claim.claim_token.hex for each in completions]),
    }


def _array(name: str, completions: Sequence[Completion]) -> object:
    """Return the values of a field of Completion as an array, in a form that the driver accepts."""
    if name == "delay":
        return [each.delay for each in completions]
    if name == "wait_reason":
        reasons = [each.wait_reason for each in completions]
        return array_text.of_texts([reason and reason.stored for reason in reasons])
    return array_text.of_texts([getattr(each, name) for each in completions])
