"""A process that requests one subreddit repeatedly with PRAW, in one thread.

It waits as long as a reply's `retry-after` demands. The sandbox's window is shorter than Reddit's
window, and PRAW's clock is faster by the same factor. The argument is the subreddit's name.
REDDIT_URL and REDDIT_WINDOW_SECONDS are environment variables.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

import praw  # type: ignore[import-not-found]
import prawcore  # type: ignore[import-not-found]
from prawcore import rate_limit  # type: ignore[import-not-found]

REAL_WINDOW_SECONDS = 600
SPEED = REAL_WINDOW_SECONDS / float(os.environ["REDDIT_WINDOW_SECONDS"])
RESET = "x-ratelimit-reset"


class FastClock:
    """Replaces the module `time` in PRAW."""

    @staticmethod
    def time() -> float:
        return time.time() * SPEED

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(seconds / SPEED)


def slowed(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the headers, with the seconds until the reset converted to PRAW's clock."""
    told = {name.lower(): value for name, value in headers.items()}
    if RESET in told:
        told[RESET] = str(round(float(told[RESET]) * SPEED))
    return told


def main() -> None:
    address = os.environ["REDDIT_URL"]
    rate_limit.time = FastClock
    update = rate_limit.RateLimiter.update
    rate_limit.RateLimiter.update = lambda self, headers: update(self, slowed(headers))
    reddit = praw.Reddit(
        client_id="bench",
        client_secret="secret",
        user_agent="bench",
        reddit_url=address,
        oauth_url=address,
        window_size=REAL_WINDOW_SECONDS,
        check_for_updates=False,
    )
    while True:
        try:
            reddit.get(f"/r/{sys.argv[1]}/about")
        except prawcore.exceptions.TooManyRequests as error:
            FastClock.sleep(float(error.response.headers["retry-after"]))


if __name__ == "__main__":
    main()
