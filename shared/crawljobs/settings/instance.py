"""The setting for the name of a process, which logs and attempts show."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from crawljobs.settings.environment import Environment


def read_instance_name(variables: Mapping[str, str], role: str) -> str:
    """Return the name of this process for logs and attempts. Only people read the name."""
    given = Environment(variables).optional("INSTANCE_NAME")
    return (given or f"{role}@{socket.gethostname()}:{os.getpid()}")[:200]
