"""Settings of the service scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crawljobs.settings.environment import Environment


@dataclass(frozen=True)
class SchedulerSettings:
    tick_seconds: float  # the longest time between two searches for due schedules


def read_scheduler_settings(variables: Mapping[str, str]) -> SchedulerSettings:
    env = Environment(variables)
    tick = env.number("SCHEDULER_TICK_SECONDS", 60.0, unit="seconds", least=0.1, most=3600)
    return SchedulerSettings(tick_seconds=tick)
