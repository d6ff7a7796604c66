"""What roles may do in this database: compare the catalogue with `grants`, and make it so.

`names` are those of roles in Postgres, by their kind in `grants`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text

from crawljobs.db import grants

Names = Mapping[str, str]
# What, on which object, to or from which role.
Right = tuple[str, str, str]

PUBLIC = "PUBLIC"

# What was granted to the roles themselves; 0 is PUBLIC.
_GRANTED = text("""
    SELECT privilege_type AS privilege, object, coalesce(rolname, 'PUBLIC') AS role FROM (
        SELECT 'DATABASE ' || quote_ident(datname), coalesce(datacl, acldefault('d', datdba))
        FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT 'SCHEMA public', coalesce(nspacl, acldefault('n', nspowner))
        FROM pg_namespace WHERE nspname = 'public'
        UNION ALL
        SELECT 'TABLE public.' || relname, coalesce(relacl, acldefault('r', relowner))
        FROM pg_class
        WHERE relnamespace = to_regnamespace('public') AND relname = ANY(:tables)
        UNION ALL
        SELECT 'FUNCTION public.' || signature, coalesce(proacl, acldefault('f', proowner))
        FROM unnest(CAST(:functions AS text[])) AS signature
        JOIN pg_proc ON pg_proc.oid = to_regprocedure('public.' || signature)
    ) AS things (object, acl), aclexplode(acl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE grantee = 0 OR rolname = ANY(:names)
    """)

# What they may in the end, by membership and as PUBLIC too.
_MAY = text("""
    SELECT privilege, 'TABLE public.' || relname AS object, role
    FROM pg_class, unnest(CAST(:names AS text[])) AS role,
        unnest(CAST(:privileges AS text[])) AS privilege
    WHERE relnamespace = to_regnamespace('public') AND relname = ANY(:tables)
        AND has_table_privilege(role, pg_class.oid, privilege)
    """)

_OWNED = text("""
    SELECT 'TABLE public.' || relname AS object, pg_get_userbyid(relowner) AS owner FROM pg_class
    WHERE relnamespace = to_regnamespace('public') AND relname = ANY(:tables)
    UNION ALL
    SELECT 'FUNCTION public.' || signature, pg_get_userbyid(proowner)
    FROM unnest(CAST(:functions AS text[])) AS signature
    JOIN pg_proc ON pg_proc.oid = to_regprocedure('public.' || signature)
    """)


def known(conn: Connection, names: Names) -> Names:
    """Those that were given rights in this very database."""
    place = _database(conn)
    have = {role for what, where, role in _granted(conn, names) if (what, where) == _connect(place)}
    return {kind: name for kind, name in names.items() if name in have}


def open_database(conn: Connection, names: Names) -> Iterator[str]:
    """Let them in; the owner may make things here."""
    have = _granted(conn, names)
    for right in sorted(_places(conn, names) - have):
        yield _change(conn, "GRANT", "TO", right)


def equalize(conn: Connection, names: Names, *, revoke: bool) -> Iterator[str]:
    """Hand what is ours to the owner, then grant; from services revoke only if asked to."""
    values = {"tables": [*grants.TABLES], "functions": [*grants.FUNCTIONS]}
    owner = names.get(grants.OWNER)
    for row in conn.execute(_OWNED, values).all():
        if owner and row.owner != owner:
            conn.exec_driver_sql(f"ALTER {row.object} OWNER TO {owner}")
            yield f"handed {row.object} to {owner}"
    wanted, have = _wanted(conn, names), _granted(conn, names)
    there = {where for _, where, _ in have}
    for right in sorted(right for right in wanted - have if right[1] in there):
        yield _change(conn, "GRANT", "TO", right)
    for right in sorted(have - wanted):
        if right[1].startswith(("TABLE", "FUNCTION")) and (revoke or right[2] in (PUBLIC, owner)):
            yield _change(conn, "REVOKE", "FROM", right)


def missing(conn: Connection, names: Names) -> list[str]:
    """What `grants` says and they may not, in the end."""
    places = _places(conn, names) - _granted(conn, names)
    lacks = places | (_wanted_here(conn, names) - _may(conn, names))
    return sorted(f"{role} lacks {what} on {where}" for what, where, role in lacks)


def differences(conn: Connection, names: Names) -> list[str]:
    """Where what they may in the end is not what `grants` says."""
    beyond = _may(conn, names) - _wanted_here(conn, names)
    return missing(conn, names) + sorted(
        f"{role} has {what} on {where}, by a membership or as PUBLIC"
        for what, where, role in beyond
    )


def _may(conn: Connection, names: Names) -> set[Right]:
    values = {
        "tables": [*grants.TABLES],
        "names": [*names.values()],
        "privileges": _privileges(conn),
    }
    return {(row.privilege, row.object, row.role) for row in conn.execute(_MAY, values)}


def _wanted_here(conn: Connection, names: Names) -> set[Right]:
    """Of tables that there are."""
    there = {where for _, where, _ in _granted(conn, names)}
    return {
        right
        for right in _wanted(conn, names)
        if right[1] in there and right[1].startswith("TABLE")
    }


def _wanted(conn: Connection, names: Names) -> set[Right]:
    privileges = set(_privileges(conn))
    return {
        (what, f"TABLE public.{table}", names[kind])
        for table, kinds in grants.TABLES.items()
        for kind, granted in kinds.items()
        if kind in names
        for what in granted & privileges
    } | {
        ("EXECUTE", f"FUNCTION public.{function}", names[kind])
        for function, kinds in grants.FUNCTIONS.items()
        for kind in {grants.OWNER, *kinds}
        if kind in names
    }


def _places(conn: Connection, names: Names) -> set[Right]:
    database, schema = _database(conn), "SCHEMA public"
    rights = {(*_connect(database), name) for name in names.values()}
    rights |= {("USAGE", schema, name) for name in names.values()}
    if grants.OWNER in names:
        rights |= {("CREATE", where, names[grants.OWNER]) for where in (database, schema)}
    return rights


def _connect(database: str) -> tuple[str, str]:
    return ("CONNECT", database)


def _database(conn: Connection) -> str:
    name = conn.exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
    return f"DATABASE {name}"


def _granted(conn: Connection, names: Names) -> set[Right]:
    values = {
        "tables": [*grants.TABLES],
        "functions": [*grants.FUNCTIONS],
        "names": [*names.values()],
    }
    return {(row.privilege, row.object, row.role) for row in conn.execute(_GRANTED, values)}


def _privileges(conn: Connection) -> list[str]:
    """Those that this server knows."""
    version = int(conn.exec_driver_sql("SHOW server_version_num").scalar_one())
    return [one for one in grants.PRIVILEGES if one != "MAINTAIN" or version >= 170_000]


def _change(conn: Connection, verb: str, preposition: str, right: Right) -> str:
    what, where, role = right
    said = f"{verb} {what} ON {where} {preposition} {role}"
    conn.exec_driver_sql(said.replace("%", "%%"))
    return said
