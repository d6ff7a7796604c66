"""First phase: what Reddit tells about the subreddit itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from crawler_worker.crawl import access_schedules, parts, required
from crawler_worker.crawl.session import Session
from crawler_worker.reddit import endpoints, failures
from crawljobs.domain.ends import TERMINAL_OUTCOMES
from crawljobs.domain.reddit_items import Items
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository import subreddit_access

PROFILE = "u_"


def crawl(session: Session) -> None:
    name = session.claim.subreddit
    try:
        about = required.request(
            session, lambda client: endpoints.about(client, name=name, stop=session.stop)
        )
    except failures.Unavailable:
        if name.lower().startswith(PROFILE):
            _check_account(session, name[len(PROFILE) :])
        raise
    if about.name.lower() != name.lower():  # renamed meanwhile: the row keeps the asked name
        about = replace(about, name=name)
    was_gone = session.access.value in TERMINAL_OUTCOMES
    if was_gone or session.access_unconfirmed is not None:
        access_schedules.enable_all(session)
    session.store(
        session.at.enter("posts"),
        Items(subreddits=(about,)),
        also=partial(subreddit_access.forget_unconfirmed, subreddit_id=session.claim.subreddit_id)
        if session.access_unconfirmed is not None
        else (lambda _conn: None),
    )


def _check_account(session: Session, name: str) -> None:
    """Raises Unavailable when the account is suspended, which its profile does not tell."""
    try:
        account = session.ask(
            lambda client: endpoints.account(client, name=name, stop=session.stop)
        )
    except failures.CrawlFailure as error:
        if parts.reason_of(error) is None:
            raise
        return  # gone, or not to be had: then the profile's own answer counts
    if account.suspended:
        raise failures.Unavailable(AccessState.SUSPENDED, "the account is suspended")
