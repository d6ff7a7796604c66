"""The instance name of a process."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from crawljobs.settings.environment import Environment


def read_instance_name(variables: Mapping[str, str], role: str) -> str:
    """The name of this process in logs and attempts; for people only, no rule depends on it."""
    given = Environment(variables).optional("INSTANCE_NAME")
    return (given or f"{role}@{socket.gethostname()}:{os.getpid()}")[:200]
