"""Wait for the database and for the schema this code knows."""

from __future__ import annotations

import threading
import time

from sqlalchemy.exc import DBAPIError

from crawljobs import errors, settings
from crawljobs.db import character_set, failures, schema
from crawljobs.db.database import Connection, Database
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

SCHEMA_DEADLINE_SECONDS = 120.0  # a deploy starts us together with the database and its migrations
LOOK_SECONDS = 0.5


def wait_for_schema(
    database: Database,
    *,
    stop: threading.Event,
    setting: str = "DATABASE_URL",
    deadline_seconds: float = SCHEMA_DEADLINE_SECONDS,
    waits_for_roles: bool = False,
) -> None:
    """Return when the schema is known or `stop` is set; past the deadline raise what is wrong.

    `setting` is where the address came from. Raises SettingsError at once when the server refuses
    it for good, such as a wrong password, unless its role may still be made; UnusableDatabase,
    which is one, for a database whose encoding or locale changes names.
    """
    deadline = time.monotonic() + deadline_seconds
    told = None
    while not stop.is_set():
        try:
            database.run(_check)
            return
        except (errors.UnknownSchema, errors.DatabaseUnavailable) as error:
            cause = error.__cause__
            is_refused = cause is not None and failures.is_refusal(cause)
            if is_refused and not waits_for_roles:
                raise errors.SettingsError(
                    f"{setting}: expected an address that the server accepts: {error}"
                ) from error
            if time.monotonic() >= deadline:
                raise
            if str(error) != told:  # once for each reason, not at every look
                told = str(error)
                log.warning("database.waiting_for_schema", setting=setting, reason=told)
        stop.wait(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
    return


def _check(conn: Connection) -> None:
    refuse_unusable(conn)
    schema.check_schema(conn)


def refuse_unusable(conn: Connection) -> None:
    """Raise UnusableDatabase where names in lower case are not what they are here."""
    answer = conn.exec_driver_sql(character_set.LOWERS_AS_WE_DO).scalar_one()
    name = conn.exec_driver_sql("SELECT current_database()").scalar_one()
    character_set.check_letters(answer, str(name))


def refuse_unusable_if_there(database: Database) -> None:
    """The same now; a database that does not answer is left to the probes."""
    try:
        with database.read() as conn:
            refuse_unusable(conn)
    except (errors.DatabaseUnavailable, DBAPIError):
        return


def check_direct_address(
    address: settings.DatabaseSettings, *, application_name: str, stop: threading.Event
) -> None:
    """The same for DATABASE_DIRECT_URL, where it is another address than DATABASE_URL."""
    if address.direct_url == address.url:
        return
    direct = Database(address.direct_url, pool_size=1, application_name=application_name)
    try:
        wait_for_schema(direct, stop=stop, setting="DATABASE_DIRECT_URL")
    finally:
        direct.close()


def warn_of_needless_rights(database: Database) -> None:
    """Say so when whoever this process logs in as could rewrite the audit log.

    Then all services share one role, which is how a database without roles of its own is run.
    """
    with database.read() as conn:
        if schema.may_rewrite_audit_log(conn):
            log.warning("database.one_role_for_all", advice="python -m migrations roles")
