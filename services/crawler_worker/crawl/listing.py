"""Walks a listing from its newest item towards the high-water mark of the last crawl."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from crawler_worker.crawl import checkpoint
from crawler_worker.crawl.checkpoint import Checkpoint
from crawler_worker.crawl.session import Session
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain import reddit_items
from crawljobs.domain.reddit_items import Page

# Stickies and late approvals come out of order: one older item does not mean that all are.
OLDER_IN_A_ROW = 25
# Cursors to fall back on: an item that is deleted meanwhile makes the page behind it empty.
ANCHORS = 3

Ask = Callable[[RedditClient, str | None], Page]


def resume(session: Session, *, restarted: Checkpoint) -> None:
    """Go on from the saved cursor, or from `restarted` when the cursor is too old.

    What is stored already is met again then, and writes nothing.
    """
    at, gap = session.at, session.request_gap
    if at.cursor is not None and checkpoint.is_stale(at.cursor_at, now=session.now(), gap=gap):
        session.at = replace(
            restarted, cursor=None, cursor_at=None, anchors=(), page=0, older_in_a_row=0
        )


def next_page(session: Session, ask: Ask) -> tuple[Page, bool]:
    """The page behind the cursor, and whether the walk lost its way.

    An empty page is not the end: its cursor may have been deleted, so those before it are tried.
    """
    cursor, anchors = session.at.cursor, session.at.anchors
    page = session.ask(lambda client: ask(client, cursor))
    for anchor in anchors:
        if cursor is None or page.after is not None or _shows_something(page):
            return page, False
        page = session.ask(lambda client, anchor=anchor: ask(client, anchor))  # type: ignore[misc]
    return page, cursor is not None and page.after is None and not _shows_something(page)


def _shows_something(page: Page) -> bool:
    items = page.items
    return bool(items.posts or items.comments or items.dropped or items.unknown)


def older_in_a_row(before: int, ids: Sequence[str], mark: str | None) -> int:
    """How many items in a row were seen by an earlier crawl, this page included.

    Stops counting at the limit: what follows on the page does not matter any more.
    """
    run = before
    for item_id in ids:
        if run >= OLDER_IN_A_ROW:
            break
        run = 0 if reddit_items.is_newer(item_id, mark) else run + 1
    return run


def after_page(
    session: Session,
    page: Page,
    *,
    names: Sequence[str],
    seen: int,
    mark: str | None,
    is_lost: bool = False,
) -> Checkpoint:
    """The checkpoint behind this page; its cursor is None when the walk is over.

    `names` are the full names on it; `seen` counts the items of all pages so far.
    """
    at = session.at
    ids = [name.partition("_")[2] for name in names]
    run = older_in_a_row(at.older_in_a_row, ids, mark)
    # A cursor that does not move would walk in a circle.
    is_end = page.after is None or page.after == at.cursor
    is_over = is_end or run >= OLDER_IN_A_ROW
    is_cut = is_lost or (is_end and seen >= reddit_items.LISTING_CAP)
    return replace(
        at,
        cursor=None if is_over else page.after,
        cursor_at=session.now().isoformat(),
        anchors=() if is_over else tuple(reversed(names[-ANCHORS:-1])),
        page=at.page + 1,
        older_in_a_row=run,
        gap=at.gap or (is_cut and mark is not None and run == 0),
    )
