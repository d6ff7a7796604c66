"""The number of client connections for which the limit of open files has room.

At the limit, a request could not open its database connection, and the worker could not accept a
probe.
"""

from __future__ import annotations

import resource
from typing import Any

from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# Listeners, pipes, the event loop, logs, metrics, traces: an idle worker has 17.
OWN_FILES = 28
FILES_PER_THREAD = 2  # a database connection, and the selector that waits while it opens
CONNECTIONS_MIN = 8


def allowed_connections(cfg: Any) -> int:
    """The connections of gunicorn's settings, or fewer, but at least CONNECTIONS_MIN."""
    wanted: int = cfg.worker_connections
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    room: int = limit - OWN_FILES - FILES_PER_THREAD * cfg.threads
    if room >= wanted:
        return wanted
    allowed = min(wanted, max(room, CONNECTIONS_MIN))
    log.warning("connections.limited", open_files=limit, wanted=wanted, allowed=allowed)
    return allowed
