"""Create the services' login roles, and give each role the rights that `grants` defines.

All databases of a server share its roles. So the names of the roles start with the prefix of the
installation. A second run changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.administration import (
    audit_policies,
    granting,
    grants,
    memberships,
    rights,
    role_settings,
    server_functions,
)
from crawljobs.db.database import Database
from crawljobs.runtime import jitter

# If two runs of the command `roles` create or change the same role at the same time, one run fails
# with one of these SQLSTATEs. Then the failed run is repeated.
_CROSSED = frozenset({"42710", "23505", "XX000"})
TRIES = 10
PAUSE_SECONDS = 0.2

_FIND = text("""
    SELECT rolname, rolcanlogin, rolconnlimit, coalesce(setting.setconfig, '{}') AS settings,
        rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS dangerous
    FROM pg_roles LEFT JOIN pg_db_role_setting AS setting
        ON setting.setrole = pg_roles.oid AND setting.setdatabase = 0
    WHERE rolname = ANY(:names)
    """)


# Selects the number of connections that are not reserved for superusers and similar roles.
_CONNECTIONS = text("""
    SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END)
    FROM pg_settings
    WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
    """)
CONNECTIONS_MIN = 5


class RolesFailed(errors.CrawljobsError):
    """The roles could not be set up. Nothing was changed."""


def set_up(
    database: Database, *, prefix: str, passwords: Mapping[str, str], keeps: bool = False
) -> list[str]:
    """Set up all roles and their rights in this database. Returns one line for each change.

    - `passwords`: maps a kind of role, such as `admin_api`, to the password.
    - `keeps`: if true, no service loses a right, because the previous release may still run and
      need the right.

    The current user must be a superuser, or own the database and have CREATEROLE. Raises
    RolesFailed.
    """
    names = {role: f"{prefix}_{role}" for role in grants.ROLES}

    def work(conn: Connection) -> list[str]:
        done = [*_make_roles(conn, names, passwords), *memberships.make(conn, names)]
        # With `keeps`, PUBLIC keeps its right to connect until a service's role has the right too.
        # Until then, the services of the previous release may depend on the right of PUBLIC.
        closes = not keeps or granting.is_new(conn) or bool(rights.known(conn, names))
        done += [
            *granting.open_database(conn, names, revoke=closes),
            *granting.equalize(conn, names, revoke=not keeps),
            *server_functions.limit(conn, names, revoke=closes),
            *audit_policies.restrict(conn, names),
        ]
        wrong = rights.missing(conn, names) if keeps else rights.differences(conn, names)
        if wrong := [*wrong, *server_functions.missing(conn, names)]:
            raise RolesFailed("; ".join(wrong[:5]))
        return done

    return _retry_crossed(database, work)


def follow(database: Database, *, prefix: str) -> list[str]:
    """Grant the rights that are missing after a migration.

    Returns one line for each change. Raises RolesFailed.
    """
    return _retry_crossed(database, lambda conn: grant(conn, prefix=prefix))


def grant(conn: Connection, *, prefix: str) -> list[str]:
    """Grant missing rights to those roles that already have the right to connect.

    Returns one line for each change. No service loses a right, because the previous release may
    still need the right.
    """
    known = rights.known(conn, {role: f"{prefix}_{role}" for role in grants.ROLES})
    if not known:
        return []
    return [*granting.equalize(conn, known, revoke=False), *audit_policies.restrict(conn, known)]


def _retry_crossed(database: Database, work: Callable[[Connection], list[str]]) -> list[str]:
    for left in reversed(range(TRIES)):
        try:
            return database.run(work)
        except DBAPIError as error:
            state = failures.sqlstate(error)
            if state not in _CROSSED or not left:
                advice = f": {_ADVICE}" if state == "42501" else ""
                raise RolesFailed(f"{failures.describe(error)}{advice}") from error
        time.sleep(jitter.uniform(0, PAUSE_SECONDS))
    raise AssertionError("the last try returns or raises")


_ADVICE = (
    "run this as a superuser, or as the role that owns the database and its tables, "
    "with CREATEROLE and as an administrator of the roles that exist"
)


def _make_roles(
    conn: Connection, names: Mapping[str, str], passwords: Mapping[str, str]
) -> Iterator[str]:
    found = {row.rolname: row for row in conn.execute(_FIND, {"names": [*names.values()]})}
    usable = conn.execute(_CONNECTIONS).scalar_one()
    for role, name in names.items():
        known = found.get(name)
        if known is None:
            conn.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
            yield f"made the role {name}"
        elif known.dangerous or not known.rolcanlogin:
            raise RolesFailed(
                f"the role {name} exists and may do more than a service should, or may not log in: "
                "it is not a role of crawljobs; choose another DATABASE_ROLE_PREFIX"
            )
        has = () if known is None else known.settings
        yield from role_settings.equalize(conn, name, role, has)
        if role in grants.CONNECTION_SHARES:
            limit = max(CONNECTIONS_MIN, int(usable * grants.CONNECTION_SHARES[role]))
            if known is None or known.rolconnlimit != limit:
                conn.exec_driver_sql(f"ALTER ROLE {name} CONNECTION LIMIT {limit}")
                yield f"limited {name} to {limit} connections"
        if role in passwords:
            conn.exec_driver_sql(
                f"ALTER ROLE {name} PASSWORD '{_hash(conn, name, passwords[role])}'"
            )
            yield f"set the password of {name}"


def _hash(conn: Connection, name: str, password: str) -> str:
    """Return the password's hash. libpq computes the hash, so no server log has the password."""
    driver: Any = conn.connection.driver_connection
    hashed: bytes = driver.pgconn.encrypt_password(password.encode(), name.encode())
    return hashed.decode().replace("%", "%%")
