"""The history of numbers that Reddit shows: which numbers are kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ContentHistory:
    """How long former numbers are kept. None: former numbers are not recorded.

    - `scores`: the scores and the numbers of comments of posts.
    - `counts`: the numbers of subscribers and of active users of subreddits.
    """

    scores: timedelta | None = None
    counts: timedelta | None = None


NO_HISTORY = ContentHistory()
