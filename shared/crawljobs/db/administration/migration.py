"""Migrate a database to another revision of the schema, with retries.

Functions import Alembic only when they run, because the services' images do not contain Alembic.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psycopg
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.runtime import backoff, logs

if TYPE_CHECKING:
    import alembic.config

log = logs.get_logger(__name__)

T = TypeVar("T")

DEADLINE_SECONDS = 600.0
# The first and the longest pause between two tries, in seconds. While a migration waits for a lock,
# other sessions queue behind it. In the pause, these sessions can finish their statements.
PAUSE_SECONDS = 1.0
PAUSE_MAX_SECONDS = 15.0

# Maps an SQLSTATE to the advice that is added to the error message.
_ADVICE = {
    "42501": "grant the role CREATE on the schema public, or use the role that owns the tables",
    "42P07": "another program has created tables here, so use an empty database",
    "55P03": "end the session that holds a lock on a table; pg_stat_activity and pg_locks show it",
}


class MigrationFailed(errors.CrawljobsError):
    """The migration failed. The next run continues with the revision that failed."""


def upgrade(
    scripts: Path,
    url: str,
    *,
    revision: str = "head",
    deadline_seconds: float = DEADLINE_SECONDS,
    role_prefix: str | None = None,
) -> list[str]:
    """Upgrade to `revision`, and return one line for each right that was granted.

    - Each revision has its own transaction. A run after an interruption continues with the first
      revision that was not committed.
    - After a lock timeout, a deadlock or a lost connection, the upgrade is tried again until
      `deadline_seconds` have passed.
    - If another migration is running, the upgrade waits for the end of that migration.
    - With `role_prefix`, the transaction of each revision also grants the rights on its new
      objects. Services need these rights as soon as the revision is committed.

    Raises MigrationFailed.
    """
    import alembic.command

    deadline = time.monotonic() + deadline_seconds
    config = _config(scripts, url)
    granted: list[str] = []
    config.attributes |= {
        "turn_deadline": deadline,
        "role_prefix": role_prefix,
        "granted": granted,
    }

    def run() -> None:
        with translate_errors():
            alembic.command.upgrade(config, revision)

    retry_until_deadline(run, deadline_seconds=deadline_seconds)
    return granted


def retry_until_deadline(work: Callable[[], T], *, deadline_seconds: float) -> T:
    """Call `work`, and return its result. While the database is unavailable, call `work` again.

    Raises:

    - MigrationFailed: the database is still unavailable after `deadline_seconds`.
    - SettingsError: the server refuses the connection, for example because of a wrong password.
      There is no retry, because a retry cannot succeed.
    """
    deadline = time.monotonic() + deadline_seconds
    tries = 0
    while True:
        try:
            return work()
        except errors.DatabaseUnavailable as error:
            if error.__cause__ is not None and failures.is_refusal(error.__cause__):
                raise errors.SettingsError(
                    f"DATABASE_URL: expected an address that the server accepts: {error}"
                ) from error
            tries += 1
            pause = backoff.pause_seconds(tries, first=PAUSE_SECONDS, longest=PAUSE_MAX_SECONDS)
            if time.monotonic() + pause >= deadline:
                raise MigrationFailed(f"gave up after {deadline_seconds:g} s: {error}") from error
            log.warning("migrations.postponed", reason=str(error), again_in=round(pause, 2))
        time.sleep(pause)


def downgrade(scripts: Path, url: str, *, revision: str, role_prefix: str | None = None) -> None:
    """Downgrade to `revision`. Raises MigrationFailed or DatabaseUnavailable."""
    import alembic.command

    config = _config(scripts, url)
    config.attributes |= {"role_prefix": role_prefix, "granted": []}
    with translate_errors():
        alembic.command.downgrade(config, revision)


def offline_sql(scripts: Path, *, start: str = "base", end: str = "head") -> str:
    """Return the SQL statements of an upgrade. An administrator can run them by hand."""
    import alembic.command

    written = io.StringIO()
    with translate_errors():
        alembic.command.upgrade(_config(scripts, None, written), f"{start}:{end}", sql=True)
    # Alembic doubles each %, because a driver would read a single % as the start of a parameter. An
    # administrator runs these statements without parameters, so each % must be single again.
    return written.getvalue().replace("%%", "%")


def _config(
    scripts: Path, url: str | None, output: io.StringIO | None = None
) -> alembic.config.Config:
    import alembic.config

    if not (scripts / "env.py").is_file():
        raise MigrationFailed(f"there are no migrations in {scripts}: run this in a complete clone")
    config = alembic.config.Config(output_buffer=output)
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["database_url"] = url
    return config


@contextmanager
def translate_errors() -> Iterator[None]:
    """Translate errors of Alembic and of the database to MigrationFailed.

    Temporary errors of the database become DatabaseUnavailable.
    """
    import alembic.util

    try:
        yield
    except alembic.util.CommandError as error:
        raise MigrationFailed(str(error)) from error
    except (DBAPIError, psycopg.Error) as error:
        kind = errors.DatabaseUnavailable if failures.may_pass(error) else MigrationFailed
        raise kind(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
    """Return a description of the error, with the advice for its SQLSTATE if there is any."""
    description = failures.describe(error)
    advice = _ADVICE.get(failures.sqlstate(error) or "")
    return f"{description}: {advice}" if advice else description
