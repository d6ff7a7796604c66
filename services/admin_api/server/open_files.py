"""Limits the client connections to a number that the limit of open files allows.

At the limit of open files, a request cannot open its database connection, and the worker cannot
accept a probe.
"""

from __future__ import annotations

import resource
from typing import Any

from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# The number of open files that are reserved for a worker itself: listening sockets, pipes, logs,
# metrics, traces. Client connections and the files of threads are not included. An idle worker has
# 17 of these files open.
OWN_FILES = 28
# The open files of one thread: a database connection, and a selector while the thread opens this
# connection.
FILES_PER_THREAD = 2
CONNECTIONS_MIN = 8


def allowed_connections(cfg: Any) -> int:
    """Return gunicorn's setting `worker_connections`, or less if the limit of open files is low.

    If the setting is below CONNECTIONS_MIN, return the setting. In all other cases, the result is
    at least CONNECTIONS_MIN.
    """
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
