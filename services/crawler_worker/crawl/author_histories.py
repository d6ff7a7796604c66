"""Fifth phase: where else the subreddit's authors write, from their histories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.reddit_items import Items, Page
from crawljobs.repository.content import authors

# A request brings one author's hundred newest items: too dear to repeat at every crawl.
HISTORY_EVERY = timedelta(days=30)
# Of an author who is gone; those who hide their history show an empty one too.
NOTHING_SHOWN = Page(Items(), None)


def crawl(session: CrawlContext) -> None:
    if not session.settings.fetch_user_subreddits:
        return
    if session.at.histories is None:
        session.at = replace(session.at, histories=_due(session))
    while session.at.histories:
        at = session.at
        name, *rest = session.at.histories
        if not _is_still_due(session, name):
            _skip(session, name, tuple(rest))
            continue
        try:
            page = _history(session, name)
        except parts.GivenUp as given_up:
            session.give_up(replace(session.at, histories=tuple(rest)), given_up.part)
            continue
        session.store(
            replace(session.at, page=at.page + 1, authors=at.authors + 1, histories=tuple(rest)),
            page.items,
            also=partial(authors.mark_history_fetched, name=name),
            settled=[(PartKind.HISTORY, name)],
        )


def _skip(session: CrawlContext, name: str, rest: tuple[str, ...]) -> None:
    """The crawl of a neighbour has read this history meanwhile: it is not missing any more."""
    then = replace(session.at, histories=rest)
    if session.parts.get(PartKind.HISTORY, name) is None:
        session.at = then
    else:
        session.store(then, settled=[(PartKind.HISTORY, name)])


def left(session: CrawlContext) -> tuple[str, ...]:
    """The authors whose histories were to be read, in whichever phase the crawl is."""
    if not session.settings.fetch_user_subreddits:
        return ()
    return _due(session) if session.at.histories is None else session.at.histories


def _history(session: CrawlContext, name: str) -> Page:
    """Empty when the author is gone or suspended; a suspension is told by the account alone."""
    request = partial(parts.request, session, PartKind.HISTORY, name, if_gone=NOTHING_SHOWN)
    try:
        return request(_call(session, name), passing=(crawl_failures.AuthorRefused,))
    except crawl_failures.AuthorRefused as refused:
        error = refused

    def is_suspended(client: RedditClient) -> Page:
        if endpoints.account(client, name=name, stop=session.stop).suspended:
            return NOTHING_SHOWN
        raise error

    return request(is_suspended)


def _due(session: CrawlContext) -> tuple[str, ...]:
    """First all that earlier crawls gave up, then the most active of the subreddit's.

    What is due and not asked for would be postponed for long, although Reddit is well again.
    """
    at_most = session.settings.user_sub_fetch_limit
    if at_most == 0:
        return ()
    now = session.now()
    again = [part.item for part in session.parts.due(PartKind.HISTORY, now=now)]
    not_yet = session.parts.not_due(PartKind.HISTORY, now=now)
    found = session.read(
        lambda conn: authors.due_for_history(
            conn,
            subreddit_id=session.claim.subreddit_id,
            every=HISTORY_EVERY,
            at_most=at_most + len(not_yet),
        )
    )
    names = dict.fromkeys([*again, *(name for name in found if name not in not_yet)])
    return tuple(names)[: max(at_most, len(again))]


def _is_still_due(session: CrawlContext, name: str) -> bool:
    return session.read(lambda conn: authors.is_history_due(conn, name=name, every=HISTORY_EVERY))


def _call(session: CrawlContext, name: str) -> Callable[[RedditClient], Page]:
    def call(client: RedditClient) -> Page:
        return endpoints.history(client, name=name, stop=session.stop)

    return call
