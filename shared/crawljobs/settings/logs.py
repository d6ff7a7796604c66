"""Settings of the log: its level and its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crawljobs.settings.environment import Environment

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True)
class LogSettings:
    level: str
    style: str  # auto, json or console; auto: readable lines on a terminal, JSON elsewhere


def read_log_settings(variables: Mapping[str, str]) -> LogSettings:
    env = Environment(variables)
    return LogSettings(
        level=env.one_of("LOG_LEVEL", "INFO", choices=LEVELS),
        style=env.one_of("LOG_FORMAT", "auto", choices=("auto", "json", "console")),
    )
