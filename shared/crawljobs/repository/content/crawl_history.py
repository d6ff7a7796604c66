"""The results of earlier crawls of a subreddit that the next crawl needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain import missing_part
from crawljobs.domain.missing_part import STORED_MAX, MissingPart
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content.stored_subreddits import Marks

_BEFORE_CRAWL = text(f"""
    SELECT high_water_post, high_water_comment, min_request_gap_seconds, last_crawled_at,
        whole_walk_at, access, access_unconfirmed,
        (SELECT json_agg(part) FROM (
            SELECT kind, item, reason, message, failures, next_look_at, seen_to
            FROM missing_parts WHERE subreddit_id = :subreddit_id
            ORDER BY next_look_at LIMIT {STORED_MAX}) AS part) AS missing_parts
    FROM subreddits WHERE id = :subreddit_id
    """)


@dataclass(frozen=True, slots=True)
class CrawlHistory:
    """The stored state at the start of a crawl; `request_gap` None: the gap of the settings."""

    marks: Marks
    request_gap: float | None
    last_crawled_at: datetime | None
    whole_walk_at: datetime | None = None
    access: AccessState = AccessState.UNKNOWN
    access_unconfirmed: AccessState | None = None
    missing_parts: tuple[MissingPart, ...] = ()


def load_crawl_history(conn: Connection, *, subreddit_id: int) -> CrawlHistory:
    """Return the history of the subreddit, with at most STORED_MAX missing parts."""
    row = conn.execute(_BEFORE_CRAWL, {"subreddit_id": subreddit_id}).one()
    return CrawlHistory(
        marks=Marks(post=row.high_water_post, comment=row.high_water_comment),
        request_gap=row.min_request_gap_seconds,
        last_crawled_at=row.last_crawled_at,
        whole_walk_at=row.whole_walk_at,
        access=AccessState(row.access),
        access_unconfirmed=row.access_unconfirmed and AccessState(row.access_unconfirmed),
        missing_parts=tuple(missing_part.of_json(row.missing_parts)),
    )
