"""A process that requests one subreddit repeatedly, in as many threads as a worker has crawls.

The arguments are the database address and the subreddit's name. The environment has REDDIT_URL.
"""

import os
import sys
import threading

from crawler_worker.reddit import endpoints
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.request_context import RequestContext
from crawler_worker.reddit.requester import Requester
from crawljobs.db.database import Database
from crawljobs.settings import RedditSettings

THREADS = 8


def main() -> None:
    url, name = sys.argv[1:]
    reddit = os.environ["REDDIT_URL"]
    settings = RedditSettings("bench", "secret", "bench", reddit, reddit)
    client = RedditClient(settings, database=Database(url, pool_size=THREADS))
    requester = Requester(client, RequestContext(threading.Event()))

    def work() -> None:
        while True:
            endpoints.about(requester, name=name)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
