"""What a crawl that has spent its requests leaves to the next one."""

from __future__ import annotations

from crawler_worker.crawl import authors
from crawler_worker.crawl.session import Session
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason

MESSAGE = "the crawl had made all the requests that it may"


def parts(session: Session) -> list[MissingPart]:
    """Trees and histories that were chosen and not fetched, and the listing that was cut off.

    No crawl is made for these: the next one asks for them.
    """
    at, left = session.at, []
    if at.phase == "posts":
        left.append((PartKind.POSTS, at.cursor or ""))
    elif at.phase == "comments":
        left.append((PartKind.COMMENTS, at.cursor or ""))
    trees = [at.tree.post] if at.tree is not None else []
    if session.settings.max_comments_per_post:
        trees += [post for post, _ in at.busiest]
    left += [(PartKind.TREE, post) for post in dict.fromkeys(trees)]
    left += [(PartKind.HISTORY, name) for name in authors.left(session)]
    return [_part(session, kind, item) for kind, item in left]


def _part(session: Session, kind: PartKind, item: str) -> MissingPart:
    known = session.parts.get(kind, item)
    return MissingPart(
        kind=kind,
        item=item,
        reason=PartReason.ALLOWANCE,
        message=MESSAGE,
        failures=1,
        next_look_at=session.now(),
        seen_to=None if known is None else known.seen_to,
    )
