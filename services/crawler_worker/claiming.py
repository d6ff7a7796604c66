"""Claims jobs, and finds again what a claim without an answer may have brought."""

from __future__ import annotations

import time
import uuid
from uuid import UUID

from crawler_worker import counting
from crawljobs import errors, logs
from crawljobs.db.database import Connection, Database
from crawljobs.domain import ends
from crawljobs.domain.job import Claim
from crawljobs.repository import claim_ends, claims, job_queue

log = logs.get_logger(__name__)

# A COMMIT that got stuck on its way may still arrive; later than this its lease is long over.
UNSURE_LEASES = 2


class Claiming:
    """Used by one thread alone."""

    def __init__(self, database: Database, *, worker: str, lease_seconds: float) -> None:
        self._database = database
        self._worker = worker
        self._lease_seconds = lease_seconds
        # Tokens whose claim was not answered, and when it was asked for.
        self._unsure: dict[UUID, float] = {}

    @property
    def is_unsure(self) -> bool:
        return bool(self._unsure)

    def claim(self, at_most: int) -> tuple[float, list[Claim]]:
        """When we asked, on the monotonic clock, and what we got; raises DatabaseUnavailable."""
        for token in list(self._unsure):
            asked_at = time.monotonic()
            found = self._find_again(token, keep=at_most)
            if found:
                return asked_at, found
        token, asked_at = uuid.uuid4(), time.monotonic()
        if at_most <= 0:
            return asked_at, []

        def claim(conn: Connection) -> list[Claim]:
            return job_queue.claim_jobs(
                conn,
                worker=self._worker,
                claim_token=token,
                at_most=at_most,
                lease_seconds=self._lease_seconds,
            )

        try:
            claimed = self._database.run_statement(claim)
        except errors.DatabaseUnavailable:
            # It may have committed, or happen yet, although its reply is lost.
            self._unsure[token] = asked_at
            raise
        counting.claimed(claimed, seconds=time.monotonic() - asked_at)
        return asked_at, claimed

    def give_back(self) -> None:
        """Release what unanswered claims brought: nobody will ask for it any more."""
        for token in list(self._unsure):
            self._find_again(token, keep=0)

    def _find_again(self, token: UUID, *, keep: int) -> list[Claim]:
        """What this token holds, its lease renewed; released as far as there are no free slots."""

        def take(conn: Connection) -> list[Claim]:
            found = job_queue.claims_of(conn, claim_token=token)
            given_back = [ends.released(claim) for claim in found[keep:]]
            claim_ends.end_claims(conn, ends=given_back)
            kept = claims.extend_claims(
                conn, claims=found[:keep], lease_seconds=self._lease_seconds
            )
            return [claim for claim in found if claim.job_id in kept.extended]

        found = self._database.run(take)
        if found:
            log.info("claim.found_again", job_ids=[claim.job_id for claim in found])
        is_late = time.monotonic() - self._unsure[token] > UNSURE_LEASES * self._lease_seconds
        if found or is_late:
            del self._unsure[token]
        return found
