"""The strength of the links between subreddits, and the choice of the strongest links.

The weight of a link is the cosine of the two sets of authors: the number of shared authors, divided
by the square root of the product of the two numbers of authors.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

TOP_LINKS = 50  # a link is kept while it is among the strongest 50 of one of its two subreddits
SAMPLE_MAX = 5_000  # links are computed from at most this number of recently active authors
SHARED_MIN = 2  # one shared author is not enough evidence for a link
# An account that is active in more subreddits than this is probably a bot or a spammer. The
# activity of such an account is no evidence that two subreddits are alike.
ACTIVE_IN_MAX = 200
BOT_NAMES = ("AutoModerator",)


@dataclass(frozen=True, slots=True)
class Link:
    """A link from the subreddit whose links are computed to `other`.

    `shared_authors` is an estimate if this subreddit has more authors than the sample. `is_exact`
    is false if `other` has fewer authors, because a sample of the authors of `other` gives a better
    number.
    """

    other: int
    shared_authors: int
    weight: float
    is_exact: bool


class Sample:
    """Collects the most recently active authors of one subreddit, and counts all its authors."""

    def __init__(self) -> None:
        self._newest: list[tuple[datetime, int]] = []
        self.author_count = 0

    def add(self, author_id: int, last_at: datetime) -> None:
        self.author_count += 1
        # If two authors have equal times, the author with the lower id stays in the sample, so that
        # results are repeatable.
        entry = (last_at, -author_id)
        if len(self._newest) < SAMPLE_MAX:
            heapq.heappush(self._newest, entry)
        else:
            heapq.heappushpop(self._newest, entry)

    @property
    def author_ids(self) -> list[int]:
        """The ids of the sampled authors, in ascending order."""
        return sorted(-negative for _, negative in self._newest)


def strongest(
    shared: Mapping[int, int], author_counts: Mapping[int, int], *, sampled: int, author_count: int
) -> list[Link]:
    """Return the strongest links of a subreddit, at most TOP_LINKS, the strongest first.

    `shared` has the number of authors in the sample that are active in each other subreddit.
    `author_counts` has the number of all authors of each other subreddit. `sampled` is the size of
    the sample, and `author_count` the number of all authors of this subreddit.
    """
    links = []
    for other, count in shared.items():
        if count < SHARED_MIN:
            continue
        # The stored number of authors may be a week old. So the stored number may be lower than the
        # number of shared authors.
        others = max(author_counts.get(other, 0), count)
        # The sample may have only a part of the authors. So the number of shared authors in the
        # sample is scaled up to all authors.
        estimate = count * author_count / sampled
        weight = min(1.0, estimate / math.sqrt(author_count * others))
        is_exact = sampled == author_count or author_count <= others
        links.append(Link(other, round(estimate), weight, is_exact))
    return heapq.nsmallest(TOP_LINKS, links, key=lambda link: (-link.weight, link.other))
