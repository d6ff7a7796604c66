"""`./run psql` opens the demo's database with psql or pg_dump of the embedded Postgres."""

import os
import shlex
import socket
import sys
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from onebox.command_line import DEFAULT_DATA
from onebox.demo_errors import OneboxError
from onebox.postgres import binaries
from onebox.postgres.data_folder import DataFolder

WRITE = "--write"
ANSWER_SECONDS = 5
PROGRAMS = ("psql", "pg_dump", "pg_restore")
USAGE = """Usage: ./run psql [--data DIR] [--write] [--program PROGRAM] [PROGRAM'S OPTIONS]

  Open the database of the running demo with a program of the embedded Postgres.
  DIR is the data folder of the demo, .onebox by default. PROGRAM is psql (the
  default), pg_dump or pg_restore.

  psql logs in as crawljobs_reader, which reads the crawled content and changes
  nothing. With --write, and in pg_dump and pg_restore, it logs in as the
  superuser: this role reads all tables, also jobs and schedules, and can change
  and delete everything.

  ./run psql                                       a session; \\q ends it
  ./run psql -c 'SELECT count(*) FROM posts'       one statement
  ./run psql --csv -o posts.csv -c 'SELECT ...'    its rows as a CSV file
  ./run psql --write -c 'TABLE crawl_jobs'         all tables, with all rights
  ./run psql --program pg_dump -Fc -f FILE         a backup of the database
"""
# The variables in which libpq expects the parts of a database address. Other users of the machine
# can read a command line, but not the variables of a process. So the password is in a variable.
VARIABLES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}


def main(arguments: list[str]) -> None:
    """Replace this process by the program that the arguments choose. Raises OneboxError."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(USAGE)
        return
    chosen = {"--data": str(DEFAULT_DATA), "--program": "psql"}
    may_write = False
    while arguments:
        if arguments[0] == WRITE:
            may_write, arguments = True, arguments[1:]
        elif len(arguments) > 1 and arguments[0] in chosen:
            chosen[arguments[0]], arguments = arguments[1], arguments[2:]
        else:
            break
    if chosen["--program"] not in PROGRAMS:
        raise OneboxError(f"--program {chosen['--program']}: expected {', '.join(PROGRAMS)}.")
    folder = DataFolder(Path(chosen["--data"]).absolute())
    reads_only = chosen["--program"] == "psql" and not may_write
    file = folder.reader_url if reads_only else folder.database_url
    try:
        address = conninfo_to_dict(file.read_text().strip())
    except OSError as error:
        raise OneboxError(
            f"{file} cannot be read ({error.strerror}): start ./run demo first, or "
            "name its data folder with --data."
        ) from error
    # Without -d, pg_restore only reads its file, and needs no database.
    names_database = any(one.startswith(("-d", "--dbname")) for one in arguments)
    if chosen["--program"] != "pg_restore" or names_database:
        _refuse_stopped(folder, address)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    named = {VARIABLES[part]: str(value) for part, value in address.items() if part in VARIABLES}
    named["PGDATABASE"] = str(address.get("dbname", ""))
    program = str(binaries.embedded_bindir() / chosen["--program"])
    os.execve(program, [program, *arguments], {**kept, **named})  # noqa: S606 - no shell


def _refuse_stopped(folder: DataFolder, address: dict[str, Any]) -> None:
    """Raise OneboxError if nothing listens at the address of the database."""
    place = (str(address.get("host", "127.0.0.1")), int(address.get("port", 5432)))
    is_default = folder.path == Path(DEFAULT_DATA).absolute()
    option = "" if is_default else f" --data {shlex.quote(str(folder.path))}"
    try:
        socket.create_connection(place, ANSWER_SECONDS).close()
    except OSError as error:
        raise OneboxError(
            f"The database of {folder.path} does not run ({error.strerror or error}): "
            f"start ./run demo{option} first."
        ) from error


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OneboxError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
