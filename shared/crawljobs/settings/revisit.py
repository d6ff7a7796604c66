"""Settings: when to crawl a subreddit again, and whether to refresh stored items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from crawljobs.settings.environment import Environment


@dataclass(frozen=True)
class RevisitSettings:
    stale_after: timedelta
    stale_check_every: timedelta
    refresh_items: bool


def read_revisit_settings(variables: Mapping[str, str]) -> RevisitSettings:
    env = Environment(variables)
    stale_days = env.whole("STALE_DAYS", 30, unit="days", least=1, most=36_500)
    check_hours = env.number("STALE_CHECK_HOURS", 6.0, unit="hours", least=0.01, most=8_760)
    return RevisitSettings(
        stale_after=timedelta(days=stale_days),
        stale_check_every=timedelta(hours=check_hours),
        refresh_items=env.flag("REFRESH_ITEMS", default=True),
    )
