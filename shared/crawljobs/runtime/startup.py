"""Wait at startup until the database answers and has a schema that this code supports."""

from __future__ import annotations

import threading
import time

from sqlalchemy.exc import DBAPIError

from crawljobs import errors, settings
from crawljobs.db import character_set, failures, schema
from crawljobs.db.database import Connection, Database
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# The wait for the database and its schema is long, because a deployment may start the services at
# the same time as the database and the migrations.
SCHEMA_DEADLINE_SECONDS = 120.0
CHECK_SECONDS = 0.5  # seconds between two checks of the schema


def wait_for_schema(
    database: Database,
    *,
    stop: threading.Event,
    setting: str = "DATABASE_URL",
    deadline_seconds: float = SCHEMA_DEADLINE_SECONDS,
    waits_for_roles: bool = False,
) -> None:
    """Return when the schema is supported, or when `stop` is set.

    `setting` names the setting that holds the database address. Raises:

    - UnknownSchema, DatabaseUnavailable: after the deadline.
    - SettingsError, at once: the server refuses the connection, for example because of a wrong
      password or wrong TLS settings. With `waits_for_roles`, only for wrong TLS settings: the role
      may still be created.
    - UnusableDatabase: the database's encoding or locale would alter stored names.
    """
    deadline = time.monotonic() + deadline_seconds
    logged = None
    while not stop.is_set():
        try:
            database.run(_check)
            return
        except (errors.UnknownSchema, errors.DatabaseUnavailable) as error:
            cause = error.__cause__
            is_final = failures.is_wrong_tls if waits_for_roles else failures.is_refusal
            if cause is not None and is_final(cause):
                raise errors.SettingsError(
                    f"{setting}: expected an address that the server accepts: {error}"
                ) from error
            if time.monotonic() >= deadline:
                raise
            if str(error) != logged:  # log each reason once, not at every check
                logged = str(error)
                log.warning("database.waiting_for_schema", setting=setting, reason=logged)
        stop.wait(min(CHECK_SECONDS, max(0.0, deadline - time.monotonic())))


def _check(conn: Connection) -> None:
    refuse_unusable(conn)
    schema.check_schema(conn)


def refuse_unusable(conn: Connection) -> None:
    """Raise UnusableDatabase if the server converts names to lower case differently from Python."""
    answer = conn.exec_driver_sql(character_set.LOWERS_AS_WE_DO).scalar_one()
    name = conn.exec_driver_sql("SELECT current_database()").scalar_one()
    character_set.check_letters(answer, str(name))


def refuse_unusable_if_there(database: Database) -> None:
    """Call `refuse_unusable`. Do nothing if the database is unavailable: the probes report this."""
    try:
        with database.read() as conn:
            refuse_unusable(conn)
    except (errors.DatabaseUnavailable, DBAPIError):
        return


def check_direct_address(
    address: settings.DatabaseSettings, *, application_name: str, stop: threading.Event
) -> None:
    """Call `wait_for_schema` for DATABASE_DIRECT_URL, if it differs from DATABASE_URL."""
    if address.direct_url == address.url:
        return
    direct = Database(address.direct_url, pool_size=1, application_name=application_name)
    try:
        wait_for_schema(direct, stop=stop, setting="DATABASE_DIRECT_URL")
    finally:
        direct.close()


def warn_of_needless_rights(database: Database) -> None:
    """Log a warning if the database role of this process may change rows of the audit log.

    The role has this right if no service roles were created: then all services use the same role.
    """
    with database.read() as conn:
        if schema.may_rewrite_audit_log(conn):
            log.warning("database.one_role_for_all", advice="crawljobs-migrate roles")
