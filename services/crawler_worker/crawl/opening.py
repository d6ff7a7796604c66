"""Records that a subreddit is open, after Reddit has returned the first page of its posts.

The description alone is no proof. For some subreddits, Reddit returns the description but denies
the posts.
"""

from __future__ import annotations

from functools import partial

from crawler_worker.crawl import access_schedules
from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.domain.subreddit import OPEN, AccessState
from crawljobs.repository.content import subreddit_access


def record(context: CrawlContext) -> None:
    """Record the access state. Call this after Reddit has returned the first page of posts.

    If the access state has not changed, write nothing. In two cases, the subreddit's schedules are
    enabled before the new state is recorded, in several transactions:

    - The stored state is closed.
    - A crawl has found a closed state that is not confirmed yet.

    Raises ClaimLost, DatabaseUnavailable, and Interrupted if the crawl must stop between two
    transactions.
    """
    access = _access(context)
    if access is context.access and context.access_unconfirmed is None:
        return
    # The schedules of a gone subreddit, for example a banned subreddit, were disabled. A subreddit
    # that was gone first and private later is stored as private. So the schedules of any closed
    # subreddit may be disabled.
    was_closed = context.access not in OPEN and context.access is not AccessState.UNKNOWN
    if was_closed or context.access_unconfirmed is not None:
        access_schedules.enable_all(context)
    context.store(
        context.checkpoint,
        extra_writes=partial(
            subreddit_access.record_open, subreddit_id=context.claim.subreddit_id, access=access
        ),
    )
    context.record_access(access)


def _access(context: CrawlContext) -> AccessState:
    """Return the new access state. It is an open state, because Reddit has returned the posts.

    - If the description shows an open state, the result is this state.
    - If the description shows a closed state, such as private, the result is the stored state. If
      the stored state is not open, the result is RESTRICTED.
    - If the description shows no state, the result is the stored state. If the stored state is not
      open, the result is PUBLIC.
    """
    described = context.checkpoint.described_as
    # None: the description had no field `subreddit_type`, or an earlier release began the crawl.
    if described is None:
        return context.access if context.access in OPEN else AccessState.PUBLIC
    if described in OPEN:
        return described
    return context.access if context.access in OPEN else AccessState.RESTRICTED
