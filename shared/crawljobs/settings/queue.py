"""Settings of the service crawler-worker: claims, queue maintenance, aging and retries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from crawljobs import errors
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.content_history import ContentHistory
from crawljobs.domain.retry import RetryPolicy
from crawljobs.settings.crawl import read_content_history
from crawljobs.settings.environment import Environment


@dataclass(frozen=True)
class QueueSettings:
    """The settings for claims, queue maintenance, aging and retries."""

    worker_concurrency: int
    poll_seconds: float
    lease_seconds: float
    rescue_seconds: float
    requeue_seconds: float
    maintenance_every: timedelta
    aging_every: timedelta
    reset_crawling_after: timedelta
    retention: timedelta
    ledger_retention: timedelta
    webhook_retention: timedelta
    history: ContentHistory
    drain_seconds: float
    map_core_share: float
    aging: AgingPolicy
    retry: RetryPolicy


def read_queue_settings(variables: Mapping[str, str]) -> QueueSettings:
    """Return the settings. Raises SettingsError if a setting is invalid."""
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
        ledger_retention=timedelta(
            days=env.whole("LEDGER_RETENTION_DAYS", 90, unit="days", least=1, most=36_500)
        ),
        webhook_retention=timedelta(
            days=env.whole("WEBHOOK_RETENTION_DAYS", 30, unit="days", least=1, most=36_500)
        ),
        history=read_content_history(env),
        drain_seconds=env.number("DRAIN_SECONDS", 25.0, unit="seconds", least=0.1, most=3600),
        map_core_share=env.number("MAP_CORE_SHARE", 0.02, unit="of a CPU core", least=0, most=1),
        aging=AgingPolicy(
            after=timedelta(
                minutes=env.whole("AGING_AFTER_MIN", 60, unit="minutes", least=1, most=10_080)
            ),
            every=timedelta(minutes=aging_every),
            step=env.whole("AGING_STEP", 10, unit="priority points", least=1, most=100),
        ),
        retry=_read_retry_policy(env),
    )


def _read_retry_policy(env: Environment) -> RetryPolicy:
    policy = RetryPolicy(
        base_seconds=env.number(
            "RETRY_BASE_SECONDS", 60.0, unit="seconds", least=0.01, most=86_400
        ),
        max_hours=env.number("RETRY_MAX_HOURS", 24.0, unit="hours", least=0.01, most=720),
        jitter=env.number("RETRY_JITTER", 0.2, unit="parts of one", least=0, most=0.9),
    )
    if policy.base_seconds > policy.max_hours * 3600:
        raise errors.SettingsError(
            f"RETRY_BASE_SECONDS='{policy.base_seconds:g}': expected at most RETRY_MAX_HOURS "
            f"({policy.max_hours:g} h)"
        )
    return policy


def read_max_retries(variables: Mapping[str, str]) -> int:
    """Return a job's default number of retries. Raises SettingsError for a wrong MAX_RETRIES."""
    return Environment(variables).whole("MAX_RETRIES", 3, unit="retries", least=0, most=100)
