"""The span of a request describes the jobs that the request enqueued."""

from typing import Any

from admin_api.resources import enqueueing
from crawljobs.domain.job import Enqueued, EnqueueResult


class Span:
    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def set_attributes(self, attributes: dict[str, Any]) -> None:
        self.attributes |= attributes


def enqueued(job_id: int) -> Enqueued:
    return Enqueued(job_id=job_id, subreddit=f"sub_{job_id}", result=EnqueueResult.CREATED)


def test_a_span_counts_jobs_and_names_one_that_is_alone() -> None:
    alone, several = Span(), Span()
    enqueueing.describe_results(alone, [enqueued(7)])  # type: ignore[arg-type]
    enqueueing.describe_results(several, [enqueued(7), enqueued(8)])  # type: ignore[arg-type]
    assert alone.attributes == {
        "crawljobs.jobs": 1,
        "crawljobs.job.id": 7,
        "crawljobs.subreddit": "sub_7",
        "crawljobs.outcome": "created",
    }
    assert several.attributes == {"crawljobs.jobs": 2}
