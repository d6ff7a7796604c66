"""Grant and revoke rights in this database until the roles have the rights that `grants` defines.

The parameter `names` maps each kind of role in `grants` to the name of the role in Postgres.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from sqlalchemy import Connection

from crawljobs.db.administration import grants, rights, rights_sql
from crawljobs.db.administration.rights import Names, Right


def open_database(conn: Connection, names: Names, *, revoke: bool) -> Iterator[str]:
    """Allow the roles to connect, and the owner to create objects. Yields the executed statements.

    If `revoke` is true, PUBLIC loses its rights on the database. Then other roles can no longer
    connect or create temporary tables.
    """
    have = rights.granted(conn, names)
    for right in sorted(rights.places(conn, names) - have):
        yield _change(conn, "GRANT", "TO", [right])
    place = rights.database_name(conn)
    for right in sorted(have):
        if revoke and right[1:] == (place, rights.PUBLIC):
            yield _change(conn, "REVOKE", "FROM", [right])


def is_new(conn: Connection) -> bool:
    """Return whether the database is new: no migration has run, so no service can use it yet."""
    query = "SELECT to_regclass('public.alembic_version') IS NULL"
    return bool(conn.exec_driver_sql(query).scalar_one())


def equalize(conn: Connection, names: Names, *, revoke: bool) -> Iterator[str]:
    """Give the tables to the owner, then revoke and grant rights. Yields one line for each change.

    A right that is not in `grants` is revoked, with these rules:

    - PUBLIC and the owner always lose the right.
    - A service loses the right only with `revoke`, because an older release may still need the
      right.
    - A service always loses a privilege on a whole table if `grants` limits the privilege to some
      columns. No release needs more columns.
    """
    owner = names.get(grants.OWNER)
    for row in conn.execute(rights_sql.OWNED, rights.object_names()).all():
        if owner and row.owner != owner:
            conn.exec_driver_sql(f"ALTER {row.object} OWNER TO {owner}")
            yield f"handed {row.object} to {owner}"
    wanted, have = rights.wanted(conn, names), rights.granted(conn, names)
    there = {where for _, where, _ in have}
    surplus = [
        right
        for right in have - wanted
        if right[1].startswith(("TABLE", "FUNCTION", "SEQUENCE"))
        and (revoke or right[2] in (rights.PUBLIC, owner) or _is_narrowed(right))
    ]
    for group in _by_statement(surplus):
        yield _change(conn, "REVOKE", "FROM", group)
    if surplus:  # read the rights again: a REVOKE on a table also revokes rights on its columns
        have = rights.granted(conn, names)
    for group in _by_statement(right for right in wanted - have if right[1] in there):
        yield _change(conn, "GRANT", "TO", group)


def _is_narrowed(right: Right) -> bool:
    return right[0] in grants.COLUMNS.get(right[1].removeprefix("TABLE public."), {})


def _by_statement(changes: Iterable[Right]) -> Iterator[list[Right]]:
    """Group the rights so that one statement can change all rights of a group. Yields the groups.

    Rights of one role on columns of one table form a group. Any other right is a group of its own.
    """
    ordered = sorted(changes)
    for _, group in groupby(ordered, key=lambda right: (right[0].split(" ")[0], right[1:])):
        yield [*group]


def _change(conn: Connection, verb: str, preposition: str, group: list[Right]) -> str:
    """Grant or revoke a group of rights that `_by_statement` formed. Return the statement."""
    privilege, place, role = group[0]
    if len(group) > 1:
        columns = ", ".join(right[0].partition("(")[2].rstrip(")") for right in group)
        privilege = f"{privilege.split(' ')[0]} ({columns})"
    statement = f"{verb} {privilege} ON {place} {preposition} {role}"
    conn.exec_driver_sql(statement.replace("%", "%%"))
    return statement
