"""Each kind of failure defines how long a crawl waits."""

import pytest

from crawler_worker.reddit import crawl_failures
from crawljobs.domain.subreddit import AccessState


@pytest.mark.parametrize(("retry_after", "resume_in"), [(None, 5.0), (0.0, 0.0), (240.0, 240.0)])
def test_a_429_waits_as_long_as_reddit_says_or_five_seconds(
    retry_after: float | None, resume_in: float
) -> None:
    assert crawl_failures.Throttled("429", retry_after=retry_after).resume_in == resume_in


def test_what_cannot_be_seen_says_why() -> None:
    gone = crawl_failures.Unavailable(AccessState.BANNED, "404: not found (banned)")
    assert (str(gone), gone.access) == ("404: not found (banned)", AccessState.BANNED)
