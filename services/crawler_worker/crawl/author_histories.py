"""Fifth phase of a crawl: request the histories of authors, which show other subreddits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.requester import Requester
from crawljobs.domain.missing_part import PartKind, PartReason
from crawljobs.domain.reddit_items import Account, Items, Page
from crawljobs.repository.content import authors

# The minimum time between two requests for an author's history. A crawl has many authors, and each
# history costs a request. So it would be too expensive to request all histories in every crawl.
HISTORY_EVERY = timedelta(days=30)
# The empty page that the crawl uses as the history of an author who is gone or suspended.
NOTHING_SHOWN = Page(Items(), None)


def crawl(context: CrawlContext) -> None:
    """Request and store the histories that are due, with one request for each author."""
    if not context.settings.fetch_user_subreddits:
        return
    if context.checkpoint.histories is None:
        context.move_to(replace(context.checkpoint, histories=_due(context)))
    while context.checkpoint.histories:
        at = context.checkpoint
        name, *rest = context.checkpoint.histories
        if not _is_still_due(context, name):
            _skip(context, name, tuple(rest))
            continue
        try:
            page = _history(context, name)
        except parts.GivenUp as given_up:
            context.give_up(replace(context.checkpoint, histories=tuple(rest)), given_up.part)
            continue
        context.store(
            replace(
                context.checkpoint, page=at.page + 1, authors=at.authors + 1, histories=tuple(rest)
            ),
            page.items,
            extra_writes=partial(authors.mark_history_fetched, name=name),
            settled=[(PartKind.HISTORY, name)],
        )


def _skip(context: CrawlContext, name: str, rest: tuple[str, ...]) -> None:
    """Skip the author's history, because the crawl of another subreddit has stored it meanwhile."""
    then = replace(context.checkpoint, histories=rest)
    if context.parts.get(PartKind.HISTORY, name) is None:
        context.move_to(then)
    else:
        context.store(then, settled=[(PartKind.HISTORY, name)])


def left(context: CrawlContext) -> tuple[str, ...]:
    """Return the authors whose histories this crawl must still request. Any phase may call this."""
    if not context.settings.fetch_user_subreddits:
        return ()
    return _due(context) if context.checkpoint.histories is None else context.checkpoint.histories


def _history(context: CrawlContext, name: str) -> Page:
    """Return the author's history, or an empty page if the author is gone or suspended.

    Only the author's account shows a suspension. So after a refused history, a second request reads
    the account. Raises GivenUp if the history cannot be read for another reason.
    """
    request = partial(parts.request, context, PartKind.HISTORY, name, if_gone=NOTHING_SHOWN)
    try:
        return request(_call(context, name), passing=(crawl_failures.AuthorRefused,))
    except crawl_failures.AuthorRefused as refused:
        error = refused

    account = parts.request(
        context,
        PartKind.HISTORY,
        name,
        lambda requester: endpoints.account(requester, name=name),
        if_gone=Account(name),
    )
    if account.suspended is not False:
        return Page(Items(accounts=(account,)), None)
    context.store(context.checkpoint, Items(accounts=(account,)))
    reason = PartReason.UNAVAILABLE
    raise parts.GivenUp(parts.missing(context, PartKind.HISTORY, name, reason, str(error)))


def _due(context: CrawlContext) -> tuple[str, ...]:
    """Return the authors whose histories must be requested, in this order:

    - authors whose history an earlier crawl gave up, if the next try of this history is due
    - the most active authors

    In the opposite order, active authors could postpone a due try forever.
    """
    at_most = context.settings.user_sub_fetch_limit
    if at_most == 0:
        return ()
    now = context.now()
    again = [part.item for part in context.parts.due(PartKind.HISTORY, now=now)]
    not_yet = context.parts.not_due(PartKind.HISTORY, now=now)
    found = context.read(
        lambda conn: authors.due_for_history(
            conn,
            subreddit_id=context.claim.subreddit_id,
            every=HISTORY_EVERY,
            at_most=at_most + len(not_yet),
        )
    )
    names = dict.fromkeys([*again, *(name for name in found if name not in not_yet)])
    return tuple(names)[: max(at_most, len(again))]


def _is_still_due(context: CrawlContext, name: str) -> bool:
    return context.read(lambda conn: authors.is_history_due(conn, name=name, every=HISTORY_EVERY))


def _call(context: CrawlContext, name: str) -> Callable[[Requester], Page]:
    def call(requester: Requester) -> Page:
        return endpoints.history(requester, name=name)

    return call
