"""Run a command of `crawljobs-migrate`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from crawljobs import errors, settings
from crawljobs.db.administration import audit_archive, drift, migration, protection, roles
from crawljobs.db.database import Database
from crawljobs.domain import plain_text
from crawljobs.migrate import arguments, revision_reports, revision_scripts
from crawljobs.runtime import logs, startup
from crawljobs.version import VERSION

LINE_MAX = 4_000  # limit of a printed line in characters


def command() -> NoReturn:
    """Run the process `crawljobs-migrate`."""
    gc.freeze()  # the garbage collection at exit skips the imported modules, which saves time
    sys.exit(main())


def main(given: list[str] | None = None) -> int:
    """Run the command in `given`, or in `sys.argv`, and return the exit code of the process."""
    chosen = arguments.parser().parse_args(given)
    try:
        logs.configure("migrations", os.environ)
        logs.log_misspelt_settings(os.environ)
        return _COMMANDS[chosen.command](chosen)
    except errors.CrawljobsError as error:
        sys.stderr.write(f"{arguments.PROGRAM}: {plain_text.lines(str(error), limit=LINE_MAX)}\n")
        return 1


def _upgrade(given: argparse.Namespace) -> int:
    prefix = _role_settings().prefix
    granted = migration.upgrade(
        revision_scripts.find(),
        _url(),
        revision=given.revision,
        deadline_seconds=given.deadline,
        role_prefix=prefix,
    )
    with _database() as database:
        _print([*granted, *roles.follow(database, prefix=prefix)])
    return 0


def _roles(given: argparse.Namespace) -> int:
    chosen = _role_settings()
    with _database() as database:
        done = migration.retry_until_deadline(
            lambda: roles.set_up(
                database, prefix=chosen.prefix, passwords=chosen.passwords, keeps=given.keep
            ),
            deadline_seconds=given.deadline,
        )
    _print(done)
    return 0


def _downgrade(given: argparse.Namespace) -> int:
    url, scripts = _url(), revision_scripts.find()
    with migration.translate_errors(), _database() as database:
        warning = revision_reports.downgrade_warning(database, url, given.revision)
    if not given.yes:
        if not sys.stdin.isatty():
            sys.stderr.write(f"{arguments.PROGRAM}: {warning} Add --yes to confirm this.\n")
            return 2
        _print([warning])
        if input("Continue? [y/N] ").strip().lower() not in ("y", "yes"):
            _print(["Nothing was changed."])
            return 1
    migration.downgrade(scripts, url, revision=given.revision, role_prefix=_role_settings().prefix)
    return 0


def _wait(given: argparse.Namespace) -> int:
    with _database() as database:
        startup.wait_for_schema(
            database,
            stop=threading.Event(),
            deadline_seconds=given.deadline,
            waits_for_roles=True,
        )
    return 0


def _check(_given: argparse.Namespace) -> int:
    with migration.translate_errors(), _database() as database:
        protected = protection.find(database, prefix=_role_settings().prefix)
        found = [*drift.find(database), *protected.differences]
        revision = revision_reports.applied(database)
    _print([*found, *protected.notes])
    if found:
        return 1
    also = f" and the rights of {protected.roles} roles match" if protected.roles else " matches"
    _print([f"No difference: the schema at revision {revision}{also} version {VERSION}."])
    return 0


def _current(_given: argparse.Namespace) -> int:
    scripts = revision_scripts.find()
    with migration.translate_errors(), _database() as database:
        _print([revision_reports.current(database, scripts)])
    return 0


def _history(_given: argparse.Namespace) -> int:
    known = revision_scripts.newest_first(revision_scripts.find())
    _print(f"{revision.name}  {revision.title}" for revision in known)
    return 0


def _archive_audit(given: argparse.Namespace) -> int:
    with migration.translate_errors(), _database() as database:
        done = audit_archive.archive(database, before=given.before)
    if done.rows:
        ids = f"ids {done.first_id} to {done.last_id}"
        _print(
            [f"moved {done.rows} rows, {ids}, to {done.table}", f"sha256 of them: {done.sha256}"]
        )
    else:
        _print([f"no rows from before {given.before.isoformat()}"])
    return 0


def _sql(given: argparse.Namespace) -> int:
    scripts = revision_scripts.find()
    sys.stdout.write(migration.offline_sql(scripts, start=given.start, end=given.end))
    return 0


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "upgrade": _upgrade,
    "roles": _roles,
    "downgrade": _downgrade,
    "wait": _wait,
    "check": _check,
    "current": _current,
    "history": _history,
    "archive-audit": _archive_audit,
    "sql": _sql,
}


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        # A line may contain names from the database. `lines` removes their control characters.
        sys.stdout.write(plain_text.lines(line, limit=LINE_MAX) + "\n")


def _role_settings() -> settings.RoleSettings:
    return settings.read_role_settings(os.environ)


@contextmanager
def _database() -> Iterator[Database]:
    database = Database(_url(), pool_size=1, application_name="crawljobs-migrations")
    try:
        yield database
    finally:
        database.close()


def _url() -> str:
    """Return the database's address that bypasses a pooler.

    A migration holds a lock in its session, and a pooler could give this session to another client.
    """
    return settings.read_database_settings(os.environ).direct_url
