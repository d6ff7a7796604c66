"""Claims jobs, and finds again what a claim without an answer may have brought."""

from __future__ import annotations

import time
import uuid
from uuid import UUID

from crawler_worker.claims import claim_counters
from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.job import Claim
from crawljobs.repository.queue import job_completion, job_queue, leases
from crawljobs.repository.queue.maintenance.row_isolation import LOOK_AGAIN_SECONDS, PASSED_OVER_MAX
from crawljobs.runtime import logs
from crawljobs.runtime.log_limit import LogLimit

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
        self._skip = 0  # jobs at the front that refuse to be claimed
        self._look_again_at = 0.0
        self._lines = LogLimit()

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
        if at_most <= 0:
            return time.monotonic(), []
        if time.monotonic() >= self._look_again_at:
            self._skip = 0
        while True:
            try:
                return self._claim(at_most)
            except errors.DatabaseUnavailable:
                raise
            except Exception as error:
                if not failures.is_of_one_row(error) or self._skip >= PASSED_OVER_MAX:
                    raise
                if at_most == 1:
                    self._pass_over(error)
                at_most = 1

    def _claim(self, at_most: int) -> tuple[float, list[Claim]]:
        token, asked_at = uuid.uuid4(), time.monotonic()

        def claim(conn: Connection) -> list[Claim]:
            return job_queue.claim_jobs(
                conn,
                worker=self._worker,
                claim_token=token,
                at_most=at_most,
                lease_seconds=self._lease_seconds,
                skip=self._skip,
            )

        try:
            claimed = self._database.run_statement(claim)
        except errors.DatabaseUnavailable:
            # It may have committed, or happen yet, although its reply is lost.
            self._unsure[token] = asked_at
            raise
        claim_counters.claimed(claimed, seconds=time.monotonic() - asked_at)
        return asked_at, claimed

    def _pass_over(self, error: Exception) -> None:
        """A job that refuses to be claimed stays the best one: claim those after it."""
        if not self._skip:
            self._look_again_at = time.monotonic() + LOOK_AGAIN_SECONDS
        self._skip += 1
        left_out = self._lines.lines_left_out()
        if left_out is not None:
            reason = failures.describe(error)
            log.error("claim.passed_over", reason=reason, lines_left_out=left_out)

    def give_back(self) -> None:
        """Release what unanswered claims brought: nobody will ask for it any more."""
        for token in list(self._unsure):
            self._find_again(token, keep=0)

    def _find_again(self, token: UUID, *, keep: int) -> list[Claim]:
        """What this token holds, its lease renewed; released as far as there are no free slots."""

        def take(conn: Connection) -> list[Claim]:
            found = job_queue.find_claims(conn, claim_token=token)
            given_back = [completion.released(claim) for claim in found[keep:]]
            job_completion.complete_claims(conn, ends=given_back)
            kept = leases.extend_claims(
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
