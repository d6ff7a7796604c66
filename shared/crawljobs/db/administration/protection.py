"""Check that each service's role has only the rights and settings that the command `roles` sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from crawljobs.db.administration import (
    audit_policies,
    grants,
    rights,
    role_settings,
    server_functions,
)
from crawljobs.db.database import Database

OFF = (
    "off: the services have no roles in this database, so each may write audit rows of any actor: "
    "run `crawljobs-migrate roles`"
)

_DANGEROUS = text("""
    SELECT rolname || ' may ' || concat_ws(', ',
        CASE WHEN rolsuper THEN 'do everything, as a superuser' END,
        CASE WHEN rolcreaterole THEN 'make roles' END,
        CASE WHEN rolcreatedb THEN 'make databases' END,
        CASE WHEN rolreplication THEN 'replicate' END,
        CASE WHEN rolbypassrls THEN 'pass by row policies' END)
    FROM pg_roles WHERE rolname = ANY(:services)
        AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
    UNION ALL
    SELECT format('%s is a member of %s', member.rolname, pg_get_userbyid(roleid))
    FROM pg_auth_members JOIN pg_roles AS member ON member.oid = pg_auth_members.member
    WHERE member.rolname = ANY(:services) AND NOT (
        member.rolname = :statistics AND pg_get_userbyid(roleid) = 'pg_read_all_stats')
    UNION ALL
    SELECT format('%s may %s the setting %s', coalesce(rolname, 'PUBLIC'),
        lower(privilege_type), parname)
    FROM pg_parameter_acl, aclexplode(paracl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE grantee = 0 OR rolname = ANY(:services)
    UNION ALL
    SELECT format('%s owns the database', pg_get_userbyid(datdba)) FROM pg_database
    WHERE datname = current_database() AND pg_get_userbyid(datdba) = ANY(:services)
    UNION ALL
    SELECT format('%s owns the schema %s', pg_get_userbyid(nspowner), nspname) FROM pg_namespace
    WHERE pg_get_userbyid(nspowner) = ANY(:services)
    UNION ALL
    SELECT format('%s may make things in the schema %s', coalesce(rolname, 'PUBLIC'), nspname)
    FROM pg_namespace, aclexplode(nspacl) LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE privilege_type = 'CREATE' AND (grantee = 0 OR rolname = ANY(:services))
        AND nspname = 'public'
    ORDER BY 1
    """)


@dataclass(frozen=True)
class Protection:
    """The result of the check.

    - `differences`: a sentence for each wrong right, owner, setting or policy.
    - `notes`: a sentence for each missing limit that is optional and that only a superuser can set.
      If the services have no roles of their own, `notes` has only the sentence OFF.
    - `roles`: the number of the roles that were checked.
    """

    differences: list[str]
    notes: list[str]
    roles: int


def find(database: Database, *, prefix: str) -> Protection:
    """Compare the owners, rights and policies with the state that the command `roles` sets up."""
    with database.begin() as conn:
        known = rights.known(conn, {kind: f"{prefix}_{kind}" for kind in grants.ROLES})
        found = [*rights.owners(conn, known)]
        if not known:
            return Protection([*found, *audit_policies.differences(conn, {})], [OFF], 0)
        notes = [*_notes(conn, known)]
        return Protection([*found, *_of_roles(conn, known)], notes, len(known))


def _of_roles(conn: Connection, known: Mapping[str, str]) -> Iterator[str]:
    services = {kind: name for kind, name in known.items() if kind != grants.OWNER}
    values = {"services": [*services.values()], "statistics": services.get(grants.SCHEDULER)}
    yield from conn.execute(_DANGEROUS, values).scalars()
    for kind, name in services.items():
        yield from role_settings.unknown(conn, name, kind)
        yield from role_settings.missing(conn, name, kind)
    yield from rights.differences(conn, known)
    yield from server_functions.differences(conn, known)
    yield from audit_policies.differences(conn, known)


def _notes(conn: Connection, known: Mapping[str, str]) -> Iterator[str]:
    yield from server_functions.notes(conn, known)
    for kind, name in known.items():
        yield from role_settings.notes(conn, name, kind)
