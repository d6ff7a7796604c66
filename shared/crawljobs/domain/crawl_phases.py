"""The phases of a crawl, and which of them a job has passed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crawljobs.domain import job_progress
from crawljobs.domain.job import FINAL, Job, JobStatus

# The phases in the order in which a crawl runs them. After the last phase, the checkpoint has the
# phase DONE.
RUN = ("about", "posts", "comments", "trees", "authors", "discovery")
DONE = "done"
PHASES = (*RUN, DONE)


class PhaseState(StrEnum):
    """Whether a crawl has passed a phase."""

    PASSED = "passed"
    CURRENT = "current"
    AHEAD = "ahead"


@dataclass(frozen=True)
class PhaseProgress:
    """One phase of a crawl. `page` and `items` are None if the checkpoint does not count them.

    `items` is the number of stored posts, comments or authors, in the phase of the same name.
    """

    phase: str
    state: PhaseState
    page: int | None
    items: int | None


def of_job(job: Job) -> list[PhaseProgress]:
    """Return each phase of the job's crawl, in order."""
    progress = job_progress.of_job(job)
    is_over = job.status is JobStatus.SUCCEEDED and job.outcome == "crawled"
    phase = DONE if is_over else progress.phase
    at = PHASES.index(phase) if phase in PHASES else -1
    items = {
        "posts": progress.posts,
        "comments": progress.comments,
        "authors": progress.authors,
    }
    found = []
    for place, name in enumerate(RUN):
        state = _state(place, at, is_final=job.status in FINAL)
        page = progress.page if state is PhaseState.CURRENT else None
        found.append(PhaseProgress(name, state, page, items.get(name)))
    return found


def _state(place: int, at: int, *, is_final: bool) -> PhaseState:
    if place < at:
        return PhaseState.PASSED
    if place == at:
        return PhaseState.CURRENT
    is_first = place == 0 and at < 0 and not is_final
    return PhaseState.CURRENT if is_first else PhaseState.AHEAD
