"""Fifth phase: where else the subreddit's authors write, from their histories."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from crawler_worker.crawl.session import Session
from crawler_worker.reddit import endpoints, failures
from crawljobs.domain.reddit_items import Items
from crawljobs.repository import authors

# A request brings one author's hundred newest items: too dear to repeat at every crawl.
HISTORY_EVERY = timedelta(days=30)


def crawl(session: Session) -> None:
    if not session.settings.fetch_user_subreddits:
        return
    if session.at.histories is None:
        session.at = replace(session.at, histories=_due(session))
    while session.at.histories:
        at = session.at
        name, *rest = session.at.histories
        if not _is_still_due(session, name):
            session.at = replace(at, histories=tuple(rest))
            continue
        then = replace(at, page=at.page + 1, authors=at.authors + 1, histories=tuple(rest))
        items = _history(session, name)
        session.store(
            then,
            items,
            also=partial(authors.mark_history_fetched, name=name),
        )


def _due(session: Session) -> tuple[str, ...]:
    return tuple(
        session.read(
            lambda conn: authors.due_for_history(
                conn,
                subreddit_id=session.claim.subreddit_id,
                every=HISTORY_EVERY,
                at_most=session.settings.user_sub_fetch_limit,
            )
        )
    )


def _is_still_due(session: Session, name: str) -> bool:
    return session.read(lambda conn: authors.is_history_due(conn, name=name, every=HISTORY_EVERY))


def _history(session: Session, name: str) -> Items | None:
    """None for an author who is gone; those who hide their history show an empty one."""
    try:
        page = session.ask(lambda client: endpoints.history(client, name=name, stop=session.stop))
    except failures.Unavailable:
        return None
    return page.items
