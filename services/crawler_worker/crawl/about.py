"""First phase: what Reddit tells about the subreddit itself."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.session import Session
from crawler_worker.reddit import endpoints
from crawljobs.domain.reddit_items import Items


def crawl(session: Session) -> None:
    name = session.claim.subreddit
    about = session.ask(lambda client: endpoints.about(client, name=name, stop=session.stop))
    if about.name.lower() != name.lower():  # renamed meanwhile: the row keeps the asked name
        about = replace(about, name=name)
    session.store(session.at.enter("posts"), Items(subreddits=(about,)))
