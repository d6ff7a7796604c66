"""Settings of the log: its level, its format, and the name of the process in its lines."""

from __future__ import annotations

import os
import socket
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


def read_instance_name(variables: Mapping[str, str], role: str) -> str:
    """Return the name of this process for logs and attempts. Only people read the name."""
    given = Environment(variables).optional("INSTANCE_NAME")
    return (given or f"{role}@{socket.gethostname()}:{os.getpid()}")[:200]
