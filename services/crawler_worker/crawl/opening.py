"""Records that a subreddit is open, once it has shown its first page of posts.

Its description alone proves nothing: Reddit shows that of a subreddit whose posts it denies.
"""

from __future__ import annotations

from functools import partial

from crawler_worker.crawl import access_schedules
from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.domain.completion import TERMINAL_OUTCOMES
from crawljobs.domain.subreddit import OPEN, AccessState
from crawljobs.repository.content import subreddit_access


def record(session: CrawlContext) -> None:
    """To be called with the first page of posts. Writes nothing when nothing has changed.

    Raises Interrupted between two chunks of schedules.
    """
    access = _access(session)
    if access is session.access and session.access_unconfirmed is None:
        return
    if session.access.value in TERMINAL_OUTCOMES or session.access_unconfirmed is not None:
        access_schedules.enable_all(session)
    session.store(
        session.at,
        also=partial(
            subreddit_access.record_open, subreddit_id=session.claim.subreddit_id, access=access
        ),
    )
    session.access, session.access_unconfirmed = access, None


def _access(session: CrawlContext) -> AccessState:
    """As it describes itself. What calls itself private and shows its posts is open to us."""
    described = session.at.described_as
    if described is None:  # by an earlier release, which has recorded it
        return session.access if session.access in OPEN else AccessState.PUBLIC
    if described in OPEN:
        return described
    return session.access if session.access in OPEN else AccessState.RESTRICTED
