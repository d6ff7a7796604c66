"""Walks a listing from its newest item towards the high-water mark of the last crawl."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crawler_worker.crawl import checkpoint
from crawler_worker.crawl.checkpoint import Checkpoint
from crawler_worker.crawl.session import Session
from crawljobs.domain import reddit_items
from crawljobs.domain.reddit_items import Page

# Stickies and late approvals come out of order: one older item does not mean that all are.
OLDER_IN_A_ROW = 25


def resume(session: Session, *, restarted: Checkpoint) -> None:
    """Go on from the saved cursor, or from `restarted` when the cursor is too old.

    What is stored already is met again then, and writes nothing.
    """
    at = session.at
    if at.cursor is not None and checkpoint.is_stale(at.cursor_at, now=session.now()):
        session.at = replace(restarted, cursor=None, cursor_at=None, page=0, older_in_a_row=0)


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


def after_page(session: Session, page: Page, *, ids: Sequence[str], mark: str | None) -> Checkpoint:
    """The checkpoint behind this page; its cursor is None when the walk is over."""
    at = session.at
    run = older_in_a_row(at.older_in_a_row, ids, mark)
    # A cursor that does not move would walk in a circle.
    is_over = page.after is None or page.after == at.cursor or run >= OLDER_IN_A_ROW
    return replace(
        at,
        cursor=None if is_over else page.after,
        cursor_at=session.now().isoformat(),
        page=at.page + 1,
        older_in_a_row=run,
    )
