"""Make what roles may do in this database equal to `grants`.

`names` are those of roles in Postgres, by their kind in `grants`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from sqlalchemy import Connection

from crawljobs.db.administration import grants, rights
from crawljobs.db.administration.rights import Names, Right


def open_database(conn: Connection, names: Names, *, revoke: bool) -> Iterator[str]:
    """Let the roles in; the owner may make things here.

    With `revoke` no other role comes in, or makes temporary tables, by PUBLIC's right.
    """
    have = rights.granted(conn, names)
    for right in sorted(rights.places(conn, names) - have):
        yield _change(conn, "GRANT", "TO", [right])
    place = rights.database_name(conn)
    for right in sorted(have):
        if revoke and right[1:] == (place, rights.PUBLIC):
            yield _change(conn, "REVOKE", "FROM", [right])


def is_new(conn: Connection) -> bool:
    """Whether no code can be running here yet, because there is no schema."""
    query = "SELECT to_regclass('public.alembic_version') IS NULL"
    return bool(conn.exec_driver_sql(query).scalar_one())


def equalize(conn: Connection, names: Names, *, revoke: bool) -> Iterator[str]:
    """Hand the tables to the owner, then revoke, then grant; services lose rights with `revoke`.

    A right on a table that becomes one on some of its columns is always revoked: no release needs
    more than these columns.
    """
    owner = names.get(grants.OWNER)
    for row in conn.execute(rights.OWNED, rights.things()).all():
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
    for together in _together(surplus):
        yield _change(conn, "REVOKE", "FROM", together)
    if surplus:  # with a right on a table those on its columns are gone, too
        have = rights.granted(conn, names)
    for together in _together(right for right in wanted - have if right[1] in there):
        yield _change(conn, "GRANT", "TO", together)


def _is_narrowed(right: Right) -> bool:
    return right[0] in grants.COLUMNS.get(right[1].removeprefix("TABLE public."), {})


def _together(some: Iterable[Right]) -> Iterator[list[Right]]:
    """In order; those on columns of one table that differ in the column alone in one list."""
    for _, group in groupby(sorted(some), key=lambda right: (right[0].split(" ")[0], right[1:])):
        yield [*group]


def _change(conn: Connection, verb: str, preposition: str, together: list[Right]) -> str:
    """Of several each is on a column of one table."""
    what, where, role = together[0]
    if len(together) > 1:
        columns = ", ".join(one.partition("(")[2].rstrip(")") for one, _, _ in together)
        what = f"{what.split(' ')[0]} ({columns})"
    said = f"{verb} {what} ON {where} {preposition} {role}"
    conn.exec_driver_sql(said.replace("%", "%%"))
    return said
