"""Claims jobs, and finds the claimed jobs if the reply to a claim statement was lost."""

from __future__ import annotations

import time
import uuid
from uuid import UUID

from crawler_worker.claims import claim_counters
from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.repository.queue import job_claim, job_completion, leases
from crawljobs.repository.queue.maintenance.row_isolation import (
    PASSED_OVER_MAX,
    RETRY_SKIPPED_SECONDS,
)
from crawljobs.runtime import logs
from crawljobs.runtime.log_limit import LogLimit

log = logs.get_logger(__name__)

# The number of lease durations after which the worker forgets the claim token of a statement whose
# reply was lost (decision 27). Postgres may still commit this statement, and so create leases.
# After this time, each of these leases has expired.
UNANSWERED_LEASES = 2


class Claiming:
    """Claims jobs for one worker. Not thread-safe: only one thread may use the object."""

    def __init__(self, database: Database, *, worker: str, lease_seconds: float) -> None:
        self._database = database
        self._worker = worker
        self._lease_seconds = lease_seconds
        # The claim statements whose replies were lost. Maps the claim token of a statement to its
        # start, by the monotonic clock, in seconds.
        self._unanswered: dict[UUID, float] = {}
        # The worker passes over this number of jobs at the front of the queue, because a statement
        # that claims one of these jobs fails.
        self._skip = 0
        self._reset_skip_at = 0.0
        self._lines = LogLimit()

    @property
    def has_unanswered(self) -> bool:
        """Return whether a claim statement may have claimed jobs although its reply was lost."""
        return bool(self._unanswered)

    def claim(self, at_most: int) -> tuple[float, list[Claim]]:
        """Claim up to `at_most` jobs. Return the time just before the statement, and the claims.

        The time is of the monotonic clock. An earlier claim statement may have claimed jobs
        although its reply was lost. In this case, `claim` returns the claims of these jobs, and
        claims no further jobs. Raises DatabaseUnavailable.
        """
        for token in list(self._unanswered):
            requested_at = time.monotonic()
            found = self._recover(token, keep=at_most)
            if found:
                return requested_at, found
        if at_most <= 0:
            return time.monotonic(), []
        if time.monotonic() >= self._reset_skip_at:
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
        token, requested_at = uuid.uuid4(), time.monotonic()

        def claim(conn: Connection) -> list[Claim]:
            return job_claim.claim_jobs(
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
            # The reply is lost, but the statement may have committed or may still commit.
            self._unanswered[token] = requested_at
            raise
        claim_counters.claimed(claimed, seconds=time.monotonic() - requested_at)
        return requested_at, claimed

    def _pass_over(self, error: Exception) -> None:
        """Let later claims skip one more job at the front of the queue.

        Each statement that claims this job fails, so the job would block all jobs behind it.
        """
        if not self._skip:
            self._reset_skip_at = time.monotonic() + RETRY_SKIPPED_SECONDS
        self._skip += 1
        left_out = self._lines.lines_left_out()
        if left_out is not None:
            reason = failures.describe(error)
            log.error("claim.passed_over", reason=reason, lines_left_out=left_out)

    def release_unanswered(self) -> None:
        """At the worker's shutdown, release jobs of claim statements whose replies were lost.

        Raises DatabaseUnavailable.
        """
        for token in list(self._unanswered):
            self._recover(token, keep=0)

    def _recover(self, token: UUID, *, keep: int) -> list[Claim]:
        """Find the claims that have this token. Keep at most `keep` of them, and release the rest.

        Extend the leases of the kept claims, and return these claims. Raises DatabaseUnavailable.
        """

        def recover(conn: Connection) -> list[Claim]:
            found = job_claim.find_claims(conn, claim_token=token)
            released = [completion.released(claim) for claim in found[keep:]]
            job_completion.complete_claims(conn, completions=released)
            kept = leases.extend_claims(
                conn, claims=found[:keep], lease_seconds=self._lease_seconds
            )
            return [claim for claim in found if claim.job_id in kept.extended]

        found = self._database.run(recover)
        if found:
            log.info("claim.recovered", job_ids=[claim.job_id for claim in found])
        is_late = (
            time.monotonic() - self._unanswered[token] > UNANSWERED_LEASES * self._lease_seconds
        )
        if found or is_late:
            del self._unanswered[token]
        return found
