"""Read the rights of the roles in this database, and compare them with `grants`.

`names` maps each kind of role in `grants` to the name of the role in Postgres.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from crawljobs.db.administration import grants

Names = Mapping[str, str]
# (privilege, object, role). A privilege on a column has the form "INSERT (actor)".
Right = tuple[str, str, str]

PUBLIC = "PUBLIC"

# The rights that were granted directly to the roles; 0 is PUBLIC.
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
        UNION ALL
        SELECT 'SEQUENCE public.' || relname, relacl FROM pg_class
        WHERE relnamespace = to_regnamespace('public') AND relkind = 'S'
    ) AS things (object, acl), aclexplode(acl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE (grantee = 0 OR rolname = ANY(:names))
        AND NOT (starts_with(object, 'SEQUENCE') AND rolname = CAST(:owner AS text))
    UNION ALL
    SELECT format('%s (%I)', privilege_type, attname), 'TABLE public.' || relname,
        coalesce(rolname, 'PUBLIC')
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND NOT attisdropped,
        aclexplode(attacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE relnamespace = to_regnamespace('public') AND relname = ANY(:tables)
        AND (grantee = 0 OR rolname = ANY(:names))
    """)

# The effective rights of the roles, including rights by membership and of PUBLIC.
_MAY = text("""
    SELECT privilege, 'TABLE public.' || relname AS object, role
    FROM pg_class, unnest(CAST(:names AS text[])) AS role,
        unnest(CAST(:privileges AS text[])) AS privilege
    WHERE relnamespace = to_regnamespace('public') AND relname = ANY(:tables)
        AND has_table_privilege(role, pg_class.oid, privilege)
    UNION ALL
    SELECT format('%s (%I)', privilege, attname), 'TABLE public.' || relname, role
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped,
        unnest(CAST(:names AS text[])) AS role,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege
    WHERE relnamespace = to_regnamespace('public') AND relname = ANY(:tables)
        AND NOT has_table_privilege(role, pg_class.oid, privilege)
        AND has_column_privilege(role, pg_class.oid, attnum, privilege)
    UNION ALL
    SELECT 'EXECUTE', 'FUNCTION public.' || signature, role
    FROM unnest(CAST(:functions AS text[])) AS signature
        JOIN pg_proc ON pg_proc.oid = to_regprocedure('public.' || signature),
        unnest(CAST(:names AS text[])) AS role
    WHERE has_function_privilege(role, pg_proc.oid, 'EXECUTE')
    """)

# The existing columns: an earlier revision does not have all of them.
_COLUMNS = text("""
    SELECT relname AS table, attname AS column
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND NOT attisdropped
    WHERE relnamespace = to_regnamespace('public') AND relname = ANY(:tables)
    """)

OWNED = text("""
    SELECT 'TABLE public.' || relname AS object, pg_get_userbyid(relowner) AS owner FROM pg_class
    WHERE relnamespace = to_regnamespace('public') AND relname = ANY(:tables)
    UNION ALL
    SELECT 'FUNCTION public.' || signature, pg_get_userbyid(proowner)
    FROM unnest(CAST(:functions AS text[])) AS signature
    JOIN pg_proc ON pg_proc.oid = to_regprocedure('public.' || signature)
    """)


def known(conn: Connection, names: Names) -> Names:
    """Return the roles that may connect to this database by a direct grant."""
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
    """Return one line for each difference between the effective rights and `grants`."""
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
    """Return one line for each table and function that does not belong to the owner's role.

    Without an owner's role, all must belong to the owner of the table alembic_version.
    """
    found = conn.execute(OWNED, object_names()).all()
    by_object = {row.object: row.owner for row in found}
    owner = names.get(grants.OWNER) or by_object.get("TABLE public.alembic_version")
    return sorted(
        f"{thing} belongs to {has}, not to {owner}"
        for thing, has in by_object.items()
        if has != owner
    )


def _may(conn: Connection, names: Names) -> set[Right]:
    values = {**object_names(), "names": [*names.values()], "privileges": _privileges(conn)}
    return {(row.privilege, row.object, row.role) for row in conn.execute(_MAY, values)}


def object_names() -> dict[str, list[str]]:
    """Return the names of all tables and functions, as parameters of the statements."""
    return {"tables": [*grants.TABLES], "functions": [*grants.FUNCTIONS]}


def _wanted_here(conn: Connection, names: Names) -> set[Right]:
    """Return the rights of `wanted` on tables and functions that exist."""
    there = {where for _, where, _ in granted(conn, names)}
    return {right for right in wanted(conn, names) if right[1] in there}


def wanted(conn: Connection, names: Names) -> set[Right]:
    """Return all rights on tables, columns and functions that `grants` gives to the roles."""
    privileges = set(_privileges(conn))
    columns = {(row.table, row.column) for row in conn.execute(_COLUMNS, object_names())}
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
    """Return the privilege, or the privileges on columns that replace it."""
    limited = grants.COLUMNS.get(table, {}).get(what)
    if limited is None or kind == grants.OWNER:
        return [what]
    return [f"{what} ({column})" for column in limited if (table, column) in there]


def places(conn: Connection, names: Names) -> set[Right]:
    """Return the rights on the database and the schema that the roles need."""
    here, schema = database_name(conn), "SCHEMA public"
    found = {(*_connect(here), name) for name in names.values()}
    found |= {("USAGE", schema, name) for name in names.values()}
    if grants.OWNER in names:
        found |= {("CREATE", where, names[grants.OWNER]) for where in (here, schema)}
    return found


def _connect(database: str) -> tuple[str, str]:
    return ("CONNECT", database)


def database_name(conn: Connection) -> str:
    """Return the name of the current database as it is written in a Right."""
    name = conn.exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
    return f"DATABASE {name}"


def granted(conn: Connection, names: Names) -> set[Right]:
    """Return the rights that were granted directly to the roles and to PUBLIC."""
    values = {**object_names(), "names": [*names.values()], "owner": names.get(grants.OWNER)}
    return {(row.privilege, row.object, row.role) for row in conn.execute(_GRANTED, values)}


def _privileges(conn: Connection) -> list[str]:
    """Return the privileges that this version of the server has."""
    version = int(conn.exec_driver_sql("SHOW server_version_num").scalar_one())
    return [one for one in grants.PRIVILEGES if one != "MAINTAIN" or version >= 170_000]
