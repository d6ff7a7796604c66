"""First phase of a crawl: request and store the description of the subreddit.

A description does not prove that the posts are readable. The module `opening.py` explains the
reason.
"""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts, required
from crawler_worker.reddit import crawl_failures, endpoints
from crawljobs.domain.reddit_items import Items
from crawljobs.domain.subreddit import AccessState

PROFILE = "u_"


def crawl(context: CrawlContext) -> None:
    """Request and store the description.

    Raises Unavailable, and the errors of CrawlContext.request.
    """
    name = context.claim.subreddit
    try:
        about = required.request(context, lambda requester: endpoints.about(requester, name=name))
    except crawl_failures.Unavailable:
        if name.lower().startswith(PROFILE):
            _check_account(context, name[len(PROFILE) :])
        raise
    context.store(
        replace(
            context.checkpoint.enter("posts"), described_as=about.access if about.has_type else None
        ),
        Items(subreddits=(replace(about, access=context.access, has_type=True),)),
    )


def _check_account(context: CrawlContext, name: str) -> None:
    """Store the account of a profile. Raise Unavailable if the account is suspended.

    The profile (the subreddit u_NAME) cannot be read. Only the page /user/NAME/about shows whether
    the reason is a suspended account.
    """
    try:
        account = context.request(lambda requester: endpoints.account(requester, name=name))
    except crawl_failures.CrawlFailure as error:
        if parts.reason_of(error) is None:
            raise
        return  # the account cannot be read either; `crawl` raises the failure of the profile
    context.store(context.checkpoint, Items(accounts=(account,)))
    if account.suspended:
        raise crawl_failures.Unavailable(AccessState.SUSPENDED, "the account is suspended")
