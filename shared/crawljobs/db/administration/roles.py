"""Make the roles that services log in as, and keep their rights equal to `grants`.

Roles belong to the whole server, so their names begin with a prefix of the installation's own. What
is as it should be is left alone: run again, all of this changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.db.administration import audit_policies, granting, grants, rights
from crawljobs.db.connection import IDLE_IN_TRANSACTION_SECONDS
from crawljobs.db.database import Database
from crawljobs.db.timeouts import BACKGROUND_TIMEOUTS
from crawljobs.runtime import jitter

# Two that make the same role, or change one at once: one of them has to begin anew.
_CROSSED = frozenset({"42710", "23505", "XX000"})
TRIES = 10
PAUSE_SECONDS = 0.2

# Sessions of ours say their own limits; these are for those that do not, and behind a pooler.
SETTINGS = {
    "statement_timeout": f"{BACKGROUND_TIMEOUTS.statement:g}s",
    "lock_timeout": f"{BACKGROUND_TIMEOUTS.lock:g}s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
}
# To see how long sessions of others have kept rows from being cleaned up.
_READS_STATISTICS = ("pg_read_all_stats", grants.SCHEDULER)

_FIND = text("""
    SELECT rolname, rolcanlogin, rolconnlimit, coalesce(setting.setconfig, '{}') AS settings,
        rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS dangerous
    FROM pg_roles LEFT JOIN pg_db_role_setting AS setting
        ON setting.setrole = pg_roles.oid AND setting.setdatabase = 0
    WHERE rolname = ANY(:names)
    """)


# What a role can have set for its own sessions: on every database, or on this one.
OWN_SETTINGS = text("""
    SELECT rolname, place, name AS setting, quote_ident(name) AS quoted
    FROM (
        SELECT rolname, split_part(unnest(setconfig), '=', 1) AS name, setdatabase,
            CASE WHEN setdatabase <> 0
                THEN format('IN DATABASE %I', current_database()) ELSE '' END AS place
        FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole
        WHERE setdatabase = 0 OR setdatabase = (
            SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS found
    LEFT JOIN pg_settings USING (name)
    WHERE rolname = ANY(:roles) AND coalesce(context, 'user') IN ('user', 'backend')
        AND NOT (place = '' AND name = ANY(:ours))
    ORDER BY 1, 2, 3
    """)

# Of those that a role without special rights may take.
_CONNECTIONS = text("""
    SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END)
    FROM pg_settings
    WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
    """)
CONNECTIONS_MIN = 5


class RolesFailed(errors.CrawljobsError):
    """The roles could not be made as they should be; nothing was changed."""


def set_up(
    database: Database, *, prefix: str, passwords: Mapping[str, str], keeps: bool = False
) -> list[str]:
    """All roles, with their rights here; a line for each thing that was changed, none twice.

    `passwords` by the end of a role's name. With `keeps` no service loses a right, for code that is
    still to be replaced. Run by a superuser, or by whoever owns the database and has CREATEROLE.
    """
    names = {role: f"{prefix}_{role}" for role in grants.ROLES}

    def work(conn: Connection) -> list[str]:
        done = [*_make_roles(conn, names, passwords), *_make_members(conn, names)]
        # Code that is being replaced may come in by PUBLIC's right until the roles are known here.
        closes = not keeps or granting.is_new(conn) or bool(rights.known(conn, names))
        done += [
            *granting.open_database(conn, names, revoke=closes),
            *granting.equalize(conn, names, revoke=not keeps),
            *audit_policies.restrict(conn, names),
        ]
        if wrong := rights.missing(conn, names) if keeps else rights.differences(conn, names):
            raise RolesFailed("; ".join(wrong[:5]))
        return done

    return _patiently(database, work)


def follow(database: Database, *, prefix: str) -> list[str]:
    """After a migration: grant what is still missing, as `grant` does."""
    return _patiently(database, lambda conn: grant(conn, prefix=prefix))


def grant(conn: Connection, *, prefix: str) -> list[str]:
    """Give the roles that this database knows, if any, what they lack here.

    No service loses a right, since code that is being replaced may still need it.
    """
    known = rights.known(conn, {role: f"{prefix}_{role}" for role in grants.ROLES})
    if not known:
        return []
    return [*granting.equalize(conn, known, revoke=False), *audit_policies.restrict(conn, known)]


def _patiently(database: Database, work: Callable[[Connection], list[str]]) -> list[str]:
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
                "it is not ours; choose another DATABASE_ROLE_PREFIX"
            )
        has = () if known is None else known.settings
        for setting, value in SETTINGS.items():
            if role != grants.OWNER and f"{setting}={value}" not in has:
                conn.exec_driver_sql(f"ALTER ROLE {name} SET {setting} = '{value}'")
                yield f"set the {setting} of {name}"
        if role != grants.OWNER:
            yield from _reset_settings(conn, name)
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


def _reset_settings(conn: Connection, name: str) -> Iterator[str]:
    """A role may change its own settings, so that its new sessions do not work: undo that."""
    for row in conn.execute(OWN_SETTINGS, {"roles": [name], "ours": [*SETTINGS]}).all():
        conn.exec_driver_sql(f"ALTER ROLE {name} {row.place} RESET {row.quoted}".replace("%", "%%"))
        yield f"reset the {row.setting} of {name}"


def _hash(conn: Connection, name: str, password: str) -> str:
    """Made here, so that no log of the server can hold the password."""
    driver: Any = conn.connection.driver_connection
    hashed: bytes = driver.pgconn.encrypt_password(password.encode(), name.encode())
    return hashed.decode().replace("%", "%%")


def _make_members(conn: Connection, names: Mapping[str, str]) -> Iterator[str]:
    """The owner into the services' roles, so that it sees their sessions; whoever runs this into
    the owner's, so that it may hand it the tables; the scheduler into that of the statistics.
    """
    owner = names[grants.OWNER]
    wanted = [(names[service], owner) for service in grants.SERVICES]
    wanted += [(owner, "current_user")]
    statistics, reader = _READS_STATISTICS
    wanted += [(statistics, names[reader])]
    for group, member in wanted:
        whose = "current_user" if member == "current_user" else f"'{member}'"
        is_member = f"SELECT pg_has_role({whose}, '{group}', 'USAGE')"
        if conn.exec_driver_sql(is_member).scalar_one():
            continue
        if group == statistics and not _may_grant(conn, statistics):
            yield (
                f"left {member} without {statistics}, which only an administrator of that role can "
                "grant: crawl_db_oldest_xmin_age_seconds counts the services' sessions alone"
            )
            continue
        conn.exec_driver_sql(f"GRANT {group} TO {member}")
        yield f"made {member} a member of {group}"


def _may_grant(conn: Connection, role: str) -> bool:
    """Until PostgreSQL 16 CREATEROLE was enough for every role that is no superuser."""
    query = f"""
        SELECT rolsuper OR pg_has_role('{role}', 'USAGE WITH ADMIN OPTION')
            OR rolcreaterole AND current_setting('server_version_num')::int < 160000
        FROM pg_roles WHERE rolname = current_user
        """  # noqa: S608 - a constant
    return bool(conn.exec_driver_sql(query).scalar_one())
