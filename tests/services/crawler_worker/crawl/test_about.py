"""A profile that is not shown: what a failed request for its account means for the crawl."""

import pytest

from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import Crawler
from support.scripted_reddit import ScriptedReddit, always

PRIVATE = always(403, {"reason": "private", "message": "Forbidden", "error": 403})


def test_a_refused_token_decides_nothing_about_a_profile(database: Database) -> None:
    reddit = ScriptedReddit()
    reddit.answers["/r/u_ada/about"] = PRIVATE
    reddit.answers["/user/ada/about"] = always(401, {"message": "Unauthorized", "error": 401})
    with scripted_reddit.serve(reddit) as url:
        crawler = Crawler(database, url)
        crawler.enqueue("u_ada")
        claim = crawler.claim()
        with pytest.raises((crawl_failures.TokenRefused, crawl_failures.CredentialsRefused)):
            crawler.run(claim)
        assert crawler.value("SELECT access FROM subreddits") == "unknown"
        # The account is open, so the reply for the profile counts.
        reddit.answers["/user/ada/about"] = always(200, {"kind": "t2", "data": {"name": "ada"}})
        crawler.rows("UPDATE reddit_budgets SET outage_until = NULL RETURNING client_id")
        assert crawler.run(claim) == "private"
