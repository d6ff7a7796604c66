"""Bring a database to a revision of the schema, patiently and never twice at once.

Alembic is imported when it is needed: the services' own images do not hold it.
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
from crawljobs.runtime import jitter, logs

if TYPE_CHECKING:
    import alembic.config

log = logs.get_logger(__name__)

T = TypeVar("T")

DEADLINE_SECONDS = 600.0
# Between tries: long enough that what queued up behind our wait for a lock gets through.
PAUSE_SECONDS = 1.0
PAUSE_MAX_SECONDS = 15.0

# By SQLSTATE.
_ADVICE = {
    "42501": "grant the role CREATE on the schema public, or use the role that owns the tables",
    "42P07": "something else has made tables here, so use a database that is empty",
    "55P03": "end the session that holds a table of ours; pg_stat_activity and pg_locks name it",
}


class MigrationFailed(errors.CrawljobsError):
    """The schema could not be brought where it was to be; running it again goes on from there."""


def upgrade(
    scripts: Path,
    url: str,
    *,
    revision: str = "head",
    deadline_seconds: float = DEADLINE_SECONDS,
    role_prefix: str | None = None,
) -> list[str]:
    """Each revision commits by itself, so a run that was broken off goes on where it stopped.

    A lock that is not free within its timeout, a deadlock, a database that is away: tried again
    until the deadline. Others that migrate meanwhile are waited for. With `role_prefix` what a
    revision makes is granted with it, since services wait for the revision alone; what was granted
    is returned.
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
    """Try until the deadline while the database is away or busy. Then raises MigrationFailed."""
    deadline = time.monotonic() + deadline_seconds
    pause = PAUSE_SECONDS
    while True:
        try:
            return work()
        except errors.DatabaseUnavailable as error:
            if time.monotonic() + pause >= deadline:
                raise MigrationFailed(f"gave up after {deadline_seconds:g} s: {error}") from error
            log.warning("migrations.postponed", reason=str(error), again_in=pause)
        time.sleep(jitter.uniform(pause / 2, pause))
        pause = min(2 * pause, PAUSE_MAX_SECONDS)


def downgrade(scripts: Path, url: str, *, revision: str, role_prefix: str | None = None) -> None:
    import alembic.command

    config = _config(scripts, url)
    config.attributes |= {"role_prefix": role_prefix, "granted": []}
    with translate_errors():
        alembic.command.downgrade(config, revision)


def offline_sql(scripts: Path, *, start: str = "base", end: str = "head") -> str:
    """The statements of an upgrade, for whoever may not run programs against the database."""
    import alembic.command

    written = io.StringIO()
    with translate_errors():
        alembic.command.upgrade(_config(scripts, None, written), f"{start}:{end}", sql=True)
    return written.getvalue().replace("%%", "%")  # doubled for a driver that is not asked


def _config(
    scripts: Path, url: str | None, output: io.StringIO | None = None
) -> alembic.config.Config:
    import alembic.config

    if not (scripts / "env.py").is_file():
        raise MigrationFailed(f"there are no migrations in {scripts}: run this from a whole clone")
    config = alembic.config.Config(output_buffer=output)
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["database_url"] = url
    return config


@contextmanager
def translate_errors() -> Iterator[None]:
    """What goes wrong as a sentence: MigrationFailed, or DatabaseUnavailable when it may pass."""
    import alembic.util

    try:
        yield
    except alembic.util.CommandError as error:
        raise MigrationFailed(str(error)) from error
    except (DBAPIError, psycopg.Error) as error:
        kind = errors.DatabaseUnavailable if failures.may_pass(error) else MigrationFailed
        raise kind(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
    """What the server said, and what to do about it where that is known."""
    said = failures.describe(error)
    advice = _ADVICE.get(failures.sqlstate(error) or "")
    return f"{said}: {advice}" if advice else said
