"""First phase: the description of the subreddit.

A description that is shown says nothing about the posts: see `opening.py`.
"""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts, required
from crawler_worker.reddit import crawl_failures, endpoints
from crawljobs.domain.reddit_items import Items
from crawljobs.domain.subreddit import AccessState

PROFILE = "u_"


def crawl(session: CrawlContext) -> None:
    name = session.claim.subreddit
    try:
        about = required.request(
            session, lambda client: endpoints.about(client, name=name, stop=session.stop)
        )
    except crawl_failures.Unavailable:
        if name.lower().startswith(PROFILE):
            _check_account(session, name[len(PROFILE) :])
        raise
    if about.name.lower() != name.lower():  # renamed meanwhile: the row keeps the asked name
        about = replace(about, name=name)
    session.store(
        replace(session.at.enter("posts"), described_as=about.access),
        Items(subreddits=(replace(about, access=session.access),)),
    )


def _check_account(session: CrawlContext, name: str) -> None:
    """Raises Unavailable when the account is suspended, which its profile does not tell."""
    try:
        account = session.ask(
            lambda client: endpoints.account(client, name=name, stop=session.stop)
        )
    except crawl_failures.CrawlFailure as error:
        if parts.reason_of(error) is None:
            raise
        return  # gone, or not to be had: then the profile's own answer counts
    if account.suspended:
        raise crawl_failures.Unavailable(AccessState.SUSPENDED, "the account is suspended")
