"""Read the rights of the roles in this database, and compare them with `grants`.

The parameter `names` maps each kind of role in `grants` to the name of the role in Postgres.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from crawljobs.db.administration import grants, rights_sql

Names = Mapping[str, str]
# A right is (privilege, object, role). A privilege on a column has the form "INSERT (actor)".
Right = tuple[str, str, str]

PUBLIC = "PUBLIC"


def known(conn: Connection, names: Names) -> Names:
    """Return the roles that were directly granted the right to connect to this database."""
    place = database_name(conn)
    have = {role for what, where, role in granted(conn, names) if (what, where) == _connect(place)}
    return {kind: name for kind, name in names.items() if name in have}


def missing(conn: Connection, names: Names) -> list[str]:
    """Return one line for each right in `grants` that a role does not have."""
    may = _may(conn, names)
    lacks = (places(conn, names) - granted(conn, names)) | {
        right
        for right in _wanted_here(conn, names) - may
        if (right[0].split(" ")[0], *right[1:]) not in may
    }
    return sorted(f"{role} lacks {what} on {where}" for what, where, role in lacks)


def differences(conn: Connection, names: Names) -> list[str]:
    """Return one line for each missing right, and for each right that `grants` does not allow.

    The comparison includes rights that a role has by a membership or through PUBLIC.
    """
    beyond = {
        f"{role} has {what} on {where}, by a membership or as PUBLIC"
        for what, where, role in _may(conn, names) - _wanted_here(conn, names)
    }
    place = database_name(conn)
    beyond |= {
        f"{role} has {what} on {where}"
        for what, where, role in granted(conn, names)
        if where.startswith("SEQUENCE") or (where, role) == (place, PUBLIC)
    }
    return missing(conn, names) + sorted(beyond)


def owners(conn: Connection, names: Names) -> list[str]:
    """Return one line for each table and function that belongs to a wrong role.

    The right role is `names[OWNER]`. If `names` has no key OWNER, the right role is the owner of
    the table alembic_version.
    """
    found = conn.execute(rights_sql.OWNED, object_names()).all()
    by_object = {row.object: row.owner for row in found}
    owner = names.get(grants.OWNER) or by_object.get("TABLE public.alembic_version")
    return sorted(
        f"{thing} belongs to {has}, not to {owner}"
        for thing, has in by_object.items()
        if has != owner
    )


def _may(conn: Connection, names: Names) -> set[Right]:
    values = {**object_names(), "names": [*names.values()], "privileges": _privileges(conn)}
    return {
        (row.privilege, row.object, row.role) for row in conn.execute(rights_sql.EFFECTIVE, values)
    }


def object_names() -> dict[str, list[str]]:
    """Return the names of all tables and functions, as parameters for `rights_sql`."""
    return {"tables": [*grants.TABLES], "functions": [*grants.FUNCTIONS]}


def _wanted_here(conn: Connection, names: Names) -> set[Right]:
    """Return the rights from `wanted`, but only on tables and functions that exist."""
    there = {where for _, where, _ in granted(conn, names)}
    return {right for right in wanted(conn, names) if right[1] in there}


def wanted(conn: Connection, names: Names) -> set[Right]:
    """Return all rights on tables, columns and functions that `grants` gives to the roles."""
    privileges = set(_privileges(conn))
    columns = {(row.table, row.column) for row in conn.execute(rights_sql.COLUMNS, object_names())}
    return {
        (one, f"TABLE public.{table}", names[kind])
        for table, kinds in grants.TABLES.items()
        for kind, allowed in kinds.items()
        if kind in names
        for what in allowed & privileges
        for one in _on_columns(kind, table, what, columns)
    } | {
        ("EXECUTE", f"FUNCTION public.{function}", names[kind])
        for function, kinds in grants.FUNCTIONS.items()
        for kind in {grants.OWNER, *kinds}
        if kind in names
    }


def _on_columns(kind: str, table: str, what: str, there: set[tuple[str, str]]) -> list[str]:
    """Return the privilege on the table. If `grants` limits the privilege to some columns, return
    one privilege for each of these columns instead."""
    limited = grants.COLUMNS.get(table, {}).get(what)
    if limited is None or kind == grants.OWNER:
        return [what]
    return [f"{what} ({column})" for column in limited if (table, column) in there]


def places(conn: Connection, names: Names) -> set[Right]:
    """Return the rights that the roles need on the database and on the schema `public`."""
    here, schema = database_name(conn), "SCHEMA public"
    found = {(*_connect(here), name) for name in names.values()}
    found |= {("USAGE", schema, name) for name in names.values()}
    if grants.OWNER in names:
        found |= {("CREATE", where, names[grants.OWNER]) for where in (here, schema)}
    return found


def _connect(database: str) -> tuple[str, str]:
    return ("CONNECT", database)


def database_name(conn: Connection) -> str:
    """Return the name of the current database, in the form that a Right contains."""
    name = conn.exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
    return f"DATABASE {name}"


def granted(conn: Connection, names: Names) -> set[Right]:
    """Return the rights that were granted directly to the roles and to PUBLIC."""
    values = {**object_names(), "names": [*names.values()], "owner": names.get(grants.OWNER)}
    return {
        (row.privilege, row.object, row.role) for row in conn.execute(rights_sql.GRANTED, values)
    }


def _privileges(conn: Connection) -> list[str]:
    """Return the table privileges of this server's version. MAINTAIN exists since Postgres 17."""
    version = int(conn.exec_driver_sql("SHOW server_version_num").scalar_one())
    return [one for one in grants.PRIVILEGES if one != "MAINTAIN" or version >= 170_000]
