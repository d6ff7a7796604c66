"""The same with PRAW, whose object is one thread's; told to wait, it waits as long as it is told.

Argument: name of the subreddit. REDDIT_URL and REDDIT_WINDOW_SECONDS in the environment.
"""

import os
import sys
import time

import praw  # type: ignore[import-not-found]
import prawcore  # type: ignore[import-not-found]


def main() -> None:
    address = os.environ["REDDIT_URL"]
    reddit = praw.Reddit(
        client_id="bench",
        client_secret="secret",
        user_agent="bench",
        reddit_url=address,
        oauth_url=address,
        window_size=int(os.environ["REDDIT_WINDOW_SECONDS"]),
        check_for_updates=False,
    )
    while True:
        try:
            reddit.get(f"/r/{sys.argv[1]}/about")
        except prawcore.exceptions.TooManyRequests as error:
            time.sleep(float(error.response.headers["retry-after"]))


if __name__ == "__main__":
    main()
