"""Settings of a crawl (how much it reads, how often it sends requests) and of discovery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from crawljobs.domain.content_history import ContentHistory
from crawljobs.settings.content import read_content_key, read_retention_settings
from crawljobs.settings.environment import Environment


@dataclass(frozen=True)
class CrawlSettings:
    """The limits of one crawl, and of discovery: the search for further subreddits."""

    max_posts_per_sub: int
    max_comments_per_post: int
    max_comment_depth: int
    posts_sort: str
    posts_time_filter: str
    max_requests_per_job: int
    min_request_gap_seconds: float
    fetch_user_subreddits: bool
    user_sub_fetch_limit: int
    user_sub_enqueue_max: int
    discovery_max_depth: int
    discovery_max_live_jobs: int
    discovery_max_requests: int
    adaptive_interval: bool
    revisit_items: int
    walk_whole_every: timedelta | None
    part_retry: timedelta
    history: ContentHistory
    # The key that recognizes erased authors.
    content_key: bytes | None = field(default=None, repr=False)
    content_retention: timedelta | None = None  # the age at which items lose their content
    drops_removed_titles: bool = False


def read_crawl_settings(variables: Mapping[str, str]) -> CrawlSettings:
    env = Environment(variables)

    def whole(name: str, default: int, unit: str, most: int, *, least: int = 0) -> int:
        return env.whole(name, default, unit=unit, least=least, most=most)

    retention = read_retention_settings(variables)
    whole_days = env.number("WALK_WHOLE_EVERY", 30.0, unit="days", least=0, most=3_650)
    retry_minutes = env.number("PART_RETRY_MINUTES", 60.0, unit="minutes", least=0.01, most=10_080)
    return CrawlSettings(
        max_posts_per_sub=whole("MAX_POSTS_PER_SUB", 1000, "posts", 1000, least=1),
        max_comments_per_post=whole("MAX_COMMENTS_PER_POST", 500, "comments", 10_000),
        max_comment_depth=whole("MAX_COMMENT_DEPTH", 10, "levels", 100, least=1),
        posts_sort=env.one_of("POSTS_SORT", "new", choices=("new", "hot", "top")),
        posts_time_filter=env.one_of(
            "POSTS_TIME_FILTER", "day", choices=("hour", "day", "week", "month", "year", "all")
        ),
        max_requests_per_job=whole("MAX_REQUESTS_PER_JOB", 200, "requests", 100_000, least=3),
        min_request_gap_seconds=env.number(
            "MIN_REQUEST_GAP_SECONDS", 0.0, unit="seconds", least=0, most=3600
        ),
        fetch_user_subreddits=env.flag("FETCH_USER_SUBREDDITS", default=True),
        user_sub_fetch_limit=whole("USER_SUB_FETCH_LIMIT", 30, "authors", 1000),
        user_sub_enqueue_max=whole("USER_SUB_ENQUEUE_MAX", 10, "subreddits", 1000),
        discovery_max_depth=whole("DISCOVERY_MAX_DEPTH", 2, "steps", 100),
        discovery_max_live_jobs=whole("DISCOVERY_MAX_LIVE_JOBS", 200, "jobs", 1_000_000),
        discovery_max_requests=whole("DISCOVERY_MAX_REQUESTS", 2000, "requests", 10_000_000),
        adaptive_interval=env.flag("ADAPTIVE_INTERVAL", default=False),
        revisit_items=whole("REVISIT_ITEMS", 50, "items", 700, least=1),
        walk_whole_every=timedelta(days=whole_days) if whole_days else None,
        part_retry=timedelta(minutes=retry_minutes),
        history=read_content_history(env),
        content_key=read_content_key(variables),
        content_retention=retention.content,
        drops_removed_titles=retention.drops_removed_titles,
    )


def read_content_history(env: Environment) -> ContentHistory:
    """Return for how long the histories of scores and subscribers are kept.

    Raises SettingsError if a setting is invalid.
    """
    scores = env.whole("SCORE_HISTORY_DAYS", 0, unit="days", least=0, most=36_500)
    counts = env.whole("SUBREDDIT_COUNT_DAYS", 365, unit="days", least=0, most=36_500)
    return ContentHistory(
        scores=timedelta(days=scores) if scores else None,
        counts=timedelta(days=counts) if counts else None,
    )
