"""A completion (the end of a claim) that is not written to the database yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crawler_worker.claims.held_claim import HeldClaim
from crawljobs.domain.completion import Completion
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

OnResult = Callable[[Completion, bool], object]  # the bool is True if the completion was written


@dataclass
class PendingCompletion:
    """The completion of one claim. `on_result` is called once, when the final result is known."""

    held: HeldClaim
    completion: Completion
    on_result: OnResult
    due: float = 0.0  # monotonic time of the next try to write the completion, in seconds
    failures: int = 0  # number of failed tries to write the completion

    @property
    def job_id(self) -> int:
        return self.completion.claim.job_id

    def written(self) -> None:
        self.on_result(self.completion, True)

    def not_written(self) -> None:
        self.on_result(self.completion, False)

    def lost(self) -> None:
        """Mark the claim as lost, because another worker may hold the job. Nothing was written."""
        self.held.mark_lost()
        log.warning("claim.lost", job_id=self.job_id)
        self.not_written()
