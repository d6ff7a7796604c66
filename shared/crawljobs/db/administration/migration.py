"""Migrate a database to a revision of the schema, with retries, and one run at a time.

Alembic is imported only when it is needed, because the images of the services do not contain it.
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
# Pause between attempts: long enough for the sessions that queued behind our wait for a lock.
PAUSE_SECONDS = 1.0
PAUSE_MAX_SECONDS = 15.0

# The next step for the reader of an error, by SQLSTATE.
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

    Each revision commits alone, so a run after an interruption continues at the same revision.
    After a lock timeout, a deadlock or a lost connection, it is tried again until the deadline. It
    waits for another migration that runs at the same time. With `role_prefix` each revision also
    grants the rights on its new objects, because services wait only for the revision. Raises
    MigrationFailed.
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
    """Call `work` until it succeeds, and return its result.

    Retries while the database is unavailable. Raises MigrationFailed at the deadline.
    """
    deadline = time.monotonic() + deadline_seconds
    failures = 0
    while True:
        try:
            return work()
        except errors.DatabaseUnavailable as error:
            failures += 1
            pause = backoff.pause_seconds(failures, first=PAUSE_SECONDS, longest=PAUSE_MAX_SECONDS)
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
    """Return the SQL of an upgrade, for an administrator who runs it by hand."""
    import alembic.command

    written = io.StringIO()
    with translate_errors():
        alembic.command.upgrade(_config(scripts, None, written), f"{start}:{end}", sql=True)
    return written.getvalue().replace("%%", "%")  # Alembic doubles % for a driver; here is none


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
    """Translate errors to MigrationFailed, and temporary errors to DatabaseUnavailable."""
    import alembic.util

    try:
        yield
    except alembic.util.CommandError as error:
        raise MigrationFailed(str(error)) from error
    except (DBAPIError, psycopg.Error) as error:
        kind = errors.DatabaseUnavailable if failures.may_pass(error) else MigrationFailed
        raise kind(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
    """Return the description of the error, with advice if there is any."""
    description = failures.describe(error)
    advice = _ADVICE.get(failures.sqlstate(error) or "")
    return f"{description}: {advice}" if advice else description
