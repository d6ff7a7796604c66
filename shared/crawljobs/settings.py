"""Every setting of the three services: read once, at start, and refused by name when wrong."""

from __future__ import annotations

import ipaddress
import os
import platform
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from crawljobs import errors
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.retry import RetryPolicy
from crawljobs.environment import Environment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TOKEN_MIN = 32  # characters: shorter ones can be guessed
# What people copy from examples.
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "replace", "example", "secret", "password")


@dataclass(frozen=True)
class DatabaseSettings:
    url: str
    # For lease extension and LISTEN, when `url` is a pooler; else the same.
    direct_url: str
    pooled: bool


@dataclass(frozen=True)
class AdminApiSettings:
    token: str
    trusted_proxies: tuple[Network, ...]


@dataclass(frozen=True)
class SchedulerSettings:
    tick_seconds: float


@dataclass(frozen=True)
class QueueSettings:
    """How a crawler-worker claims jobs and keeps the queue healthy."""

    worker_concurrency: int
    poll_seconds: float
    lease_seconds: float
    rescue_seconds: float
    requeue_seconds: float
    maintenance_every: timedelta
    aging_every: timedelta
    reset_crawling_after: timedelta
    retention: timedelta
    drain_seconds: float
    aging: AgingPolicy
    retry: RetryPolicy


@dataclass(frozen=True)
class RedditSettings:
    client_id: str
    client_secret: str
    user_agent: str
    api_url: str
    auth_url: str


@dataclass(frozen=True)
class CrawlSettings:
    """How much of a subreddit one crawl fetches."""

    max_posts_per_sub: int
    max_comments_per_post: int
    max_comment_depth: int
    posts_sort: str
    posts_time_filter: str
    max_requests_per_job: int
    fetch_user_subreddits: bool
    user_sub_fetch_limit: int
    user_sub_enqueue_max: int
    discovery_max_depth: int
    discovery_max_live_jobs: int


def read_database_settings(variables: Mapping[str, str]) -> DatabaseSettings:
    env = Environment(variables)
    url = _database_url(env, "DATABASE_URL")
    direct = env.optional("DATABASE_DIRECT_URL")
    if direct is None:
        return DatabaseSettings(url=url, direct_url=url, pooled=False)
    direct = _database_url(env, "DATABASE_DIRECT_URL")
    return DatabaseSettings(url=url, direct_url=direct, pooled=True)


def _database_url(env: Environment, name: str) -> str:
    expected = "an address such as postgresql://user:password@host:5432/database"
    url = env.text(name, expected=expected)
    if not url.startswith(("postgresql://", "postgres://")):
        # The value is not repeated: it may hold a password.
        raise errors.SettingsError(f"{name}: expected {expected}")
    return url


def read_admin_api_settings(variables: Mapping[str, str]) -> AdminApiSettings:
    env = Environment(variables)
    token = env.secret("ADMIN_API_TOKEN")
    expected = f"expected at least {TOKEN_MIN} random characters"
    if token is None:
        raise errors.SettingsError(
            f"ADMIN_API_TOKEN (or ADMIN_API_TOKEN_FILE) is missing: {expected}"
        )
    if len(token) < TOKEN_MIN:
        raise errors.SettingsError(f"ADMIN_API_TOKEN has {len(token)} characters: {expected}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise errors.SettingsError(
            "ADMIN_API_TOKEN holds characters that a header cannot carry: "
            "expected letters, digits and punctuation of ASCII"
        )
    if any(word in token.lower() for word in _PLACEHOLDERS) or len(set(token)) < 8:
        raise errors.SettingsError(f"ADMIN_API_TOKEN looks like a placeholder: {expected}")
    return AdminApiSettings(token=token, trusted_proxies=_networks(env, "TRUSTED_PROXIES"))


def _networks(env: Environment, name: str) -> tuple[Network, ...]:
    raw = env.optional(name)
    networks: list[Network] = []
    for part in raw.split(",") if raw else ():
        try:
            networks.append(ipaddress.ip_network(part.strip()))
        except ValueError:
            raise errors.SettingsError(
                f"{name}={part.strip()[:80]!r}: expected networks such as 10.0.0.0/8, "
                "separated by commas"
            ) from None
    return tuple(networks)


def read_scheduler_settings(variables: Mapping[str, str]) -> SchedulerSettings:
    env = Environment(variables)
    tick = env.number("SCHEDULER_TICK_SECONDS", 60.0, unit="seconds", least=0.1, most=3600)
    return SchedulerSettings(tick_seconds=tick)


def read_queue_settings(variables: Mapping[str, str]) -> QueueSettings:
    env = Environment(variables)
    lease = env.number("LEASE_SECONDS", 30.0, unit="seconds", least=1, most=3600)
    rescue = env.number("RESCUE_SECONDS", 5.0, unit="seconds", least=0.1, most=600)
    reset = env.whole("RESET_CRAWLING_AFTER_MIN", 15, unit="minutes", least=1, most=1440)
    if reset * 60 <= lease:
        raise errors.SettingsError(
            f"RESET_CRAWLING_AFTER_MIN='{reset}': expected more than LEASE_SECONDS ({lease:g} s)"
        )
    aging_every = env.whole("AGING_EVERY_MIN", 5, unit="minutes", least=1, most=1440)
    return QueueSettings(
        worker_concurrency=env.whole("WORKER_CONCURRENCY", 8, unit="jobs", least=1, most=200),
        poll_seconds=env.number("POLL_SECONDS", 5.0, unit="seconds", least=0.05, most=300),
        lease_seconds=lease,
        rescue_seconds=rescue,
        requeue_seconds=env.number("REQUEUE_SECONDS", 2.0, unit="seconds", least=0.1, most=60),
        maintenance_every=timedelta(
            minutes=env.whole("MAINTENANCE_MINUTES", 5, unit="minutes", least=1, most=1440)
        ),
        aging_every=timedelta(minutes=aging_every),
        reset_crawling_after=timedelta(minutes=reset),
        retention=timedelta(
            days=env.whole("RETENTION_DAYS", 30, unit="days", least=1, most=36_500)
        ),
        drain_seconds=env.number("DRAIN_SECONDS", 25.0, unit="seconds", least=0.1, most=3600),
        aging=AgingPolicy(
            after=timedelta(
                minutes=env.whole("AGING_AFTER_MIN", 60, unit="minutes", least=1, most=10_080)
            ),
            every=timedelta(minutes=aging_every),
            step=env.whole("AGING_STEP", 10, unit="priority points", least=1, most=100),
        ),
        retry=RetryPolicy(
            base_seconds=env.number(
                "RETRY_BASE_SECONDS", 60.0, unit="seconds", least=0.01, most=86_400
            ),
            max_hours=env.number("RETRY_MAX_HOURS", 24.0, unit="hours", least=0.01, most=720),
            jitter=env.number("RETRY_JITTER", 0.2, unit="parts of one", least=0, most=0.9),
        ),
    )


def read_max_retries(variables: Mapping[str, str]) -> int:
    """How often a job is retried when whoever enqueued it did not say."""
    return Environment(variables).whole("MAX_RETRIES", 3, unit="retries", least=0, most=100)


def read_reddit_settings(variables: Mapping[str, str]) -> RedditSettings:
    env = Environment(variables)
    client_id = env.text("REDDIT_CLIENT_ID", expected="the id of a Reddit OAuth client")
    client_secret = env.secret("REDDIT_CLIENT_SECRET")
    if client_secret is None:
        raise errors.SettingsError(
            "REDDIT_CLIENT_SECRET (or REDDIT_CLIENT_SECRET_FILE) is missing: "
            "expected the secret of a Reddit OAuth client"
        )
    agent = env.text(
        "REDDIT_USER_AGENT", f"{platform.system().lower()}:crawljobs:0.1 (by /u/unset)"
    )
    if not (agent.isascii() and agent.isprintable()):
        raise errors.SettingsError(
            "REDDIT_USER_AGENT: expected printable ASCII such as "
            "'linux:my-crawler:1.0 (by /u/name)'"
        )
    return RedditSettings(
        client_id=client_id,
        client_secret=client_secret,
        user_agent=agent,
        api_url=env.url("REDDIT_API_URL", "https://oauth.reddit.com"),
        auth_url=env.url("REDDIT_AUTH_URL", "https://www.reddit.com"),
    )


def read_crawl_settings(variables: Mapping[str, str]) -> CrawlSettings:
    env = Environment(variables)

    def whole(name: str, default: int, unit: str, most: int, *, least: int = 0) -> int:
        return env.whole(name, default, unit=unit, least=least, most=most)

    return CrawlSettings(
        max_posts_per_sub=whole("MAX_POSTS_PER_SUB", 1000, "posts", 1000, least=1),
        max_comments_per_post=whole("MAX_COMMENTS_PER_POST", 500, "comments", 10_000),
        max_comment_depth=whole("MAX_COMMENT_DEPTH", 10, "levels", 100, least=1),
        posts_sort=env.one_of("POSTS_SORT", "new", choices=("new", "hot", "top")),
        posts_time_filter=env.one_of(
            "POSTS_TIME_FILTER", "day", choices=("hour", "day", "week", "month", "year", "all")
        ),
        max_requests_per_job=whole("MAX_REQUESTS_PER_JOB", 200, "requests", 100_000, least=3),
        fetch_user_subreddits=env.flag("FETCH_USER_SUBREDDITS", default=True),
        user_sub_fetch_limit=whole("USER_SUB_FETCH_LIMIT", 30, "authors", 1000),
        user_sub_enqueue_max=whole("USER_SUB_ENQUEUE_MAX", 10, "subreddits", 1000),
        discovery_max_depth=whole("DISCOVERY_MAX_DEPTH", 2, "steps", 100),
        discovery_max_live_jobs=whole("DISCOVERY_MAX_LIVE_JOBS", 200, "jobs", 1_000_000),
    )


def read_instance_name(variables: Mapping[str, str], role: str) -> str:
    """Who we are in logs and attempts; for people only, no rule depends on it."""
    given = Environment(variables).optional("INSTANCE_NAME")
    return (given or f"{role}@{socket.gethostname()}:{os.getpid()}")[:200]
