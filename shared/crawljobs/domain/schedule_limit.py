"""Estimate whether Reddit's request budget is enough for all schedules, and warn users if not."""

from __future__ import annotations

from dataclasses import dataclass

from crawljobs.domain import request_budget

# The estimated number of requests of a crawl, while the queue has no succeeded crawl. The estimate
# is half of the default of MAX_REQUESTS_PER_JOB.
DEFAULT_REQUESTS_PER_CRAWL = 100

_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Quota:
    """The requests a day that all enabled schedules need, and the requests that Reddit allows."""

    estimated_requests_per_day: int
    daily_request_budget: int

    @property
    def warning(self) -> str | None:
        """A warning for users, or None if the budget is enough."""
        if self.estimated_requests_per_day <= self.daily_request_budget:
            return None
        share = 100 * self.estimated_requests_per_day / max(1, self.daily_request_budget)
        return (
            f"All enabled schedules need about {self.estimated_requests_per_day} requests a day, "
            f"{share:.0f} % of the {self.daily_request_budget} that Reddit allows: crawls will be "
            "late. Run some of them less often."
        )


def quota(*, requests_per_day: float, budget_per_second: float | None) -> Quota:
    """Return the estimate of the requests and the budget, both for one day.

    `budget_per_second` is None until a worker has sent the first request to Reddit. Until then,
    the estimate uses Reddit's default budget.
    """
    usual = request_budget.DEFAULT_REQUESTS_PER_WINDOW / request_budget.DEFAULT_WINDOW_SECONDS
    given = usual if budget_per_second is None else budget_per_second
    return Quota(
        estimated_requests_per_day=round(requests_per_day),
        daily_request_budget=int(given * _DAY_SECONDS * request_budget.USABLE_SHARE),
    )
