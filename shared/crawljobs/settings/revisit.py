"""Settings: when to crawl a subreddit again, and when to check stored items at Reddit."""

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


@dataclass(frozen=True)
class DeletionCheckSettings:
    """`every`: the interval at which all stored items are checked; None: never.

    `share`: the share of Reddit's budget that the checks and the refreshes (REFRESH_ITEMS) may use
    together.
    """

    every: timedelta | None = None
    share: float = 0.1


def read_deletion_check_settings(variables: Mapping[str, str]) -> DeletionCheckSettings:
    """Return the settings. Raises SettingsError if a setting is invalid."""
    env = Environment(variables)
    days = env.whole("DELETION_CHECK_DAYS", 30, unit="days", least=0, most=3_650)
    share = env.number("DELETION_CHECK_SHARE", 0.1, unit="parts of one", least=0.001, most=1)
    return DeletionCheckSettings(every=timedelta(days=days) if days else None, share=share)
