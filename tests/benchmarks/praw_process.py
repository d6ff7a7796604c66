"""The same with PRAW, whose object is one thread's; told to wait, it waits as long as it is told.

Its clock runs as much faster as the sandbox's, so that its own limits of seconds mean the same.
Argument: name of the subreddit. REDDIT_URL and REDDIT_WINDOW_SECONDS in the environment.
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
    """In the place of PRAW's `time`."""

    @staticmethod
    def time() -> float:
        return time.time() * SPEED

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(seconds / SPEED)


def slowed(headers: Mapping[str, str]) -> dict[str, Any]:
    """The headers as PRAW's clock would have them."""
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
