"""Wait for the database and for the schema this code knows."""

from __future__ import annotations

import threading
import time

from crawljobs import errors, logs
from crawljobs.db import schema
from crawljobs.db.database import Database

log = logs.get_logger(__name__)

SCHEMA_DEADLINE_SECONDS = 120.0  # a deploy starts us together with the database and its migrations
LOOK_SECONDS = 0.5


def wait_for_schema(
    database: Database,
    *,
    stop: threading.Event,
    deadline_seconds: float = SCHEMA_DEADLINE_SECONDS,
) -> None:
    """Return when the schema is known or `stop` is set; past the deadline raise what is wrong."""
    deadline = time.monotonic() + deadline_seconds
    told = None
    while not stop.is_set():
        try:
            return database.run(schema.check_schema)
        except (errors.UnknownSchema, errors.DatabaseUnavailable) as error:
            if time.monotonic() >= deadline:
                raise
            if str(error) != told:  # once for each reason, not at every look
                told = str(error)
                log.warning("database.waiting_for_schema", reason=told)
        stop.wait(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
    return None
