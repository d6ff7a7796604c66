"""The arguments of `crawljobs-migrate`, and its help."""

from __future__ import annotations

import argparse
import math
from datetime import UTC, datetime
from typing import Any

from crawljobs.db.administration import migration
from crawljobs.version import VERSION

PROGRAM = "crawljobs-migrate"
_DESCRIPTION = "Migrate the database, grant the rights of its roles, and check both."
_EPILOG = """\
DATABASE_URL is the address of the database; DATABASE_URL_FILE names a file with the address. Set
DATABASE_DIRECT_URL too when DATABASE_URL leads to a connection pooler.

exit codes: 0: done; 1: failed, or `check` found a difference; 2: wrong arguments
"""


class _CommandParser(argparse.ArgumentParser):
    """The parser of one command. It refuses shortened options."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)


def parser() -> argparse.ArgumentParser:
    """Return the parser. In the parsed arguments, `command` is the name of the chosen command."""
    made = argparse.ArgumentParser(
        prog=PROGRAM,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"{PROGRAM} {VERSION}")
    commands = made.add_subparsers(
        required=True,
        metavar="COMMAND",
        dest="command",
        parser_class=_CommandParser,
    )
    _add_changes(commands)
    _add_reports(commands)
    return made


def _add_changes(commands: argparse._SubParsersAction[_CommandParser]) -> None:
    upgrade = commands.add_parser("upgrade", help="bring the database to the newest schema")
    upgrade.add_argument("revision", nargs="?", default="head", help="default: the newest")
    _add_deadline(upgrade)
    roles = commands.add_parser("roles", help="create a role for each service, and grant rights")
    roles.add_argument("--keep", action="store_true", help="revoke no right of a service")
    _add_deadline(roles)
    downgrade = commands.add_parser("downgrade", help="return to an older schema")
    downgrade.add_argument("revision", help="a revision from `history`, or `base`")
    downgrade.add_argument(
        "--yes", action="store_true", help="do not ask; required without a terminal"
    )
    archive = commands.add_parser("archive-audit", help="move old audit rows to another table")
    archive.add_argument("--before", type=_time, required=True, metavar="TIME")


def _add_reports(commands: argparse._SubParsersAction[_CommandParser]) -> None:
    commands.add_parser("check", help="compare schema, rights and roles with this version")
    commands.add_parser("current", help="print the revision of the database")
    commands.add_parser("history", help="print all revisions of this version, the newest first")
    wait = commands.add_parser("wait", help="wait until this version can run on the schema")
    _add_deadline(wait)
    sql = commands.add_parser("sql", help="print the statements of an upgrade")
    sql.add_argument("--from", dest="start", default="base", metavar="REVISION")
    sql.add_argument("--to", dest="end", default="head", metavar="REVISION")


def _add_deadline(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--deadline",
        type=_seconds,
        default=migration.DEADLINE_SECONDS,
        metavar="SECONDS",
        help="longest wait for an unreachable database (default: %(default)g)",
    )


def _seconds(given: str) -> float:
    try:
        found = float(given)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError("expected a number of seconds, such as 600")
    return found


def _time(given: str) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise argparse.ArgumentTypeError("expected a time such as 2031-01-01T00:00Z") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("expected a time with its zone, such as 2031-01-01T00:00Z")
    return found.astimezone(UTC)
