"""The statements that read rights, columns and owners from the catalogue of Postgres."""

from __future__ import annotations

from sqlalchemy import text

# Selects the rights that were granted directly to the roles and to PUBLIC (grantee 0).
GRANTED = text("""
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

# Selects all rights that the roles can use, including rights through a membership or PUBLIC.
EFFECTIVE = text("""
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

# Selects the columns that exist, because a schema at an earlier revision lacks some columns.
COLUMNS = text("""
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
