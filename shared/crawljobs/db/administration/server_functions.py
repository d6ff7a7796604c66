"""Limit the use of Postgres functions that block other sessions, or write to disk without limit.

By default each role may call these functions, also in a read-only transaction. There are two kinds:

- Functions for advisory locks can fill the lock table of the server. They can also block the
  migrations and requests that use the same keys.
- The other functions can write WAL, large objects and files without limit.

Only a superuser can revoke the right to call the functions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from crawljobs.db.administration import grants
from crawljobs.db.administration.rights import PUBLIC, Names

# Maps a pattern for names of functions to the kinds of roles that may call these functions.
# Migrations, API tokens, idempotency keys and discovery use advisory locks. pg_dump with several
# jobs exports a snapshot.
_CALLERS = {
    "pg_.*advisory.*": frozenset({grants.OWNER, grants.ADMIN_API, grants.CRAWLER_WORKER}),
    "pg_export_snapshot": frozenset({grants.OWNER}),
    "pg_logical_emit_message": frozenset[str](),
    "lo_creat|lo_create|lo_from_bytea|lo_import": frozenset[str](),
    "lo_put|lowrite|lo_truncate|lo_truncate64": frozenset[str](),
}

_FIND = text("""
    SELECT format('%I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(pg_proc.oid))
            AS function,
        pattern,
        ARRAY(
            SELECT coalesce(rolname, 'PUBLIC')
            FROM aclexplode(coalesce(proacl, acldefault('f', proowner)))
                LEFT JOIN pg_roles ON pg_roles.oid = grantee
            WHERE privilege_type = 'EXECUTE' AND (grantee = 0 OR rolname = ANY(:names))
        ) AS granted,
        ARRAY(
            SELECT name FROM unnest(CAST(:names AS text[])) AS name
            WHERE has_function_privilege(name, pg_proc.oid, 'EXECUTE')
        ) AS callers
    FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
        JOIN unnest(CAST(:patterns AS text[])) AS pattern
            ON proname ~ ('^(' || pattern || ')$')
    WHERE nspname = 'pg_catalog'
    ORDER BY 1
    """)

_ADVICE = "run `crawljobs-migrate roles` as a superuser, or let analysts read a replica"


@dataclass(frozen=True)
class _Function:
    """A function, and three sets of roles.

    - `granted`: the roles with a direct grant.
    - `callers`: all roles that may call the function.
    - `wanted`: the roles that need the function.
    """

    name: str
    granted: frozenset[str]
    callers: frozenset[str]
    wanted: frozenset[str]


def limit(conn: Connection, names: Names, *, revoke: bool) -> Iterator[str]:
    """Let each role call only the functions that the role needs.

    Without `revoke`, PUBLIC keeps the right to call the functions. Yields one line for each change.
    If the current user is no superuser, yields the note from `notes` and changes nothing.
    """
    is_superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    if not conn.exec_driver_sql(is_superuser).scalar_one():
        yield from notes(conn, names)
        return
    found = _find(conn, names)
    for role in sorted(names.values()):
        lacks = [one.name for one in found if role in one.wanted - one.granted]
        yield from _change(conn, "GRANT", "TO", lacks, role)
    for role in [PUBLIC, *sorted(names.values())] if revoke else sorted(names.values()):
        surplus = [one.name for one in found if role in one.granted - one.wanted]
        yield from _change(conn, "REVOKE", "FROM", surplus, role)


def missing(conn: Connection, names: Names) -> list[str]:
    """Return one line for each role that needs a function and may not call it."""
    return sorted(
        f"{role} lacks EXECUTE on FUNCTION {one.name}"
        for one in _find(conn, names)
        for role in one.wanted - one.callers
    )


def differences(conn: Connection, names: Names) -> list[str]:
    """Return the lines of `missing`, and one line for each right that a role does not need.

    The result does not contain the rights that roles have through PUBLIC, because only a superuser
    can revoke these rights. `notes` reports these rights.
    """
    beyond = sorted(
        f"{role} has EXECUTE on FUNCTION {one.name}"
        for one in _find(conn, names)
        for role in (one.granted if PUBLIC in one.granted else one.callers) - one.wanted
        if role != PUBLIC
    )
    return missing(conn, names) + beyond


def notes(conn: Connection, names: Names) -> list[str]:
    """Return one line if PUBLIC may call some of the checked functions, else an empty list."""
    public = [one.name for one in _find(conn, names) if PUBLIC in one.granted]
    note = (
        f"note: each role of this database may call {len(public)} functions that block other "
        f"sessions or write to the disk without limit: {_ADVICE}"
    )
    return [note] if public else []


def _find(conn: Connection, names: Names) -> list[_Function]:
    values = {"names": [*names.values()], "patterns": [*_CALLERS]}
    return [
        _Function(
            row.function,
            frozenset(row.granted),
            frozenset(row.callers),
            frozenset(name for kind, name in names.items() if kind in _CALLERS[row.pattern]),
        )
        for row in conn.execute(_FIND, values)
    ]


def _change(
    conn: Connection, verb: str, preposition: str, functions: Collection[str], role: str
) -> Iterator[str]:
    if functions:
        listed = ", ".join(functions)
        conn.exec_driver_sql(f"{verb} EXECUTE ON FUNCTION {listed} {preposition} {role}")
        yield f"{verb} EXECUTE ON {len(functions)} functions of Postgres {preposition} {role}"
