"""Migrate the database, grant the rights of its roles, and check the schema and the rights."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from crawljobs import errors, settings
from crawljobs.db.administration import audit_archive, drift, migration, protection, roles
from crawljobs.db.database import Database
from crawljobs.domain import plain_text
from crawljobs.runtime import logs, startup

SCRIPTS = Path(__file__).parent
NAME = "migrations"
LINE_MAX = 4_000  # limit of a printed line in characters


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        logs.configure(NAME, os.environ)
        return int(given.run(given))
    except errors.CrawljobsError as error:
        sys.stderr.write(plain_text.lines(f"{NAME}: {error}", limit=LINE_MAX) + "\n")
        return 1


def _upgrade(given: argparse.Namespace) -> int:
    prefix = _role_settings().prefix
    granted = migration.upgrade(
        SCRIPTS,
        _url(),
        revision=given.revision,
        deadline_seconds=given.deadline,
        role_prefix=prefix,
    )
    with _database() as database:
        _tell([*granted, *roles.follow(database, prefix=prefix)])
    return 0


def _roles(given: argparse.Namespace) -> int:
    asked = _role_settings()
    with _database() as database:
        done = migration.retry_until_deadline(
            lambda: roles.set_up(
                database, prefix=asked.prefix, passwords=asked.passwords, keeps=given.keep
            ),
            deadline_seconds=given.deadline,
        )
    _tell(done)
    return 0


def _downgrade(given: argparse.Namespace) -> int:
    migration.downgrade(
        SCRIPTS, _url(), revision=given.revision, role_prefix=_role_settings().prefix
    )
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
    _tell([*found, *protected.notes])
    return 1 if found else 0


def _archive_audit(given: argparse.Namespace) -> int:
    with migration.translate_errors(), _database() as database:
        done = audit_archive.archive(database, before=given.before)
    if done.rows:
        ids = f"ids {done.first_id} to {done.last_id}"
        _tell([f"moved {done.rows} rows, {ids}, to {done.table}", f"sha256 of them: {done.sha256}"])
    else:
        _tell([f"no rows from before {given.before.isoformat()}"])
    return 0


def _time(given: str) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise argparse.ArgumentTypeError("expected a time such as 2031-01-01T00:00Z") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("expected a time with its zone, such as 2031-01-01T00:00Z")
    return found.astimezone(UTC)


def _sql(given: argparse.Namespace) -> int:
    sys.stdout.write(migration.offline_sql(SCRIPTS, start=given.start, end=given.end))
    return 0


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        # A line may contain names from the database. `lines` removes their control characters.
        sys.stdout.write(plain_text.lines(line, limit=LINE_MAX) + "\n")


def _role_settings() -> settings.RoleSettings:
    return settings.read_role_settings(os.environ)


@contextmanager
def _database() -> Iterator[Database]:
    database = Database(_url(), pool_size=1, application_name=f"crawljobs-{NAME}")
    try:
        yield database
    finally:
        database.close()


def _url() -> str:
    """Return the database's address that bypasses a pooler.

    A migration holds a lock in its session, and a pooler could give this session to another client.
    """
    return settings.read_database_settings(os.environ).direct_url


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {NAME}", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    upgrade = commands.add_parser("upgrade", help="bring the database to the newest schema")
    upgrade.add_argument("revision", nargs="?", default="head")
    _add_deadline(upgrade, migration.DEADLINE_SECONDS)
    upgrade.set_defaults(run=_upgrade)
    own = commands.add_parser("roles", help="make a role for each service, with just its rights")
    own.add_argument("--keep", action="store_true", help="take no right from a service")
    _add_deadline(own, migration.DEADLINE_SECONDS)
    own.set_defaults(run=_roles)
    wait = commands.add_parser("wait", help="until the schema is one that this version knows")
    _add_deadline(wait, migration.DEADLINE_SECONDS)
    wait.set_defaults(run=_wait)
    check = commands.add_parser("check", help="tell where the database differs from the code")
    check.set_defaults(run=_check)
    archive = commands.add_parser("archive-audit", help="move old audit rows to a table of theirs")
    archive.add_argument("--before", type=_time, required=True, metavar="TIME")
    archive.set_defaults(run=_archive_audit)
    sql = commands.add_parser("sql", help="print the statements instead of running them")
    sql.add_argument("--from", dest="start", default="base", metavar="REVISION")
    sql.add_argument("--to", dest="end", default="head", metavar="REVISION")
    sql.set_defaults(run=_sql)
    downgrade = commands.add_parser("downgrade", help="go back to an older schema")
    downgrade.add_argument("revision")
    downgrade.set_defaults(run=_downgrade)
    return parser


def _add_deadline(parser: argparse.ArgumentParser, seconds: float) -> None:
    parser.add_argument(
        "--deadline", type=float, default=seconds, metavar="SECONDS", help=f"default: {seconds:g}"
    )


if __name__ == "__main__":
    gc.freeze()  # the garbage collection at exit skips the imported modules, which saves time
    sys.exit(main())
