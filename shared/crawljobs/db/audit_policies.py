"""Which actors each service's role may write into the audit log: row policies of its role.

The tables' own policies let every role with the right add rows of any actor, which is how a
database without roles of the services is run. These restrict the roles that there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text

from crawljobs.db import grants

# As Postgres writes them. A service acts as itself; admin-api acts for tokens, never as a service.
CONDITIONS: Mapping[str, str] = {
    grants.ADMIN_API: "(lower(\"left\"(actor, 7)) <> 'system:'::text)",
    grants.CRAWLER_WORKER: "((actor = 'system:crawler-worker'::text) AND (token_id IS NULL))",
    grants.SCHEDULER: "((actor = 'system:scheduler'::text) AND (token_id IS NULL))",
}

_IS_ON = text("""
    SELECT coalesce((SELECT relrowsecurity FROM pg_class
        WHERE oid = to_regclass('public.admin_audit_log')), false)
    """)

_FOUND = text("""
    SELECT polname AS name, pg_get_expr(polwithcheck, polrelid) AS condition,
        NOT polpermissive AND polcmd = 'a' AND polqual IS NULL AND polroles = ARRAY[pg_roles.oid]
            AS is_ours
    FROM pg_policy LEFT JOIN pg_roles ON pg_roles.rolname || '_audit' = polname
    WHERE polrelid = to_regclass('public.admin_audit_log') AND NOT polpermissive
    """)


def wrong(conn: Connection, names: Mapping[str, str]) -> dict[str, str]:
    """By role of a service: the condition that its policy should have and has not."""
    if not conn.execute(_IS_ON).scalar_one():
        return {}
    found = {row.name: row.condition for row in conn.execute(_FOUND) if row.is_ours}
    return {
        names[kind]: condition
        for kind, condition in CONDITIONS.items()
        if kind in names and found.get(_name(names[kind])) != condition
    }


def restrict(conn: Connection, names: Mapping[str, str]) -> Iterator[str]:
    """Make or mend the policy of each service; a line for each that changed."""
    for role, condition in wrong(conn, names).items():
        name = _name(role)
        conn.exec_driver_sql(f"DROP POLICY IF EXISTS {name} ON public.admin_audit_log")
        conn.exec_driver_sql(
            f"CREATE POLICY {name} ON public.admin_audit_log AS RESTRICTIVE FOR INSERT "
            f"TO {role} WITH CHECK {condition}"
        )
        yield f"restricted the actors that {role} may write into the audit log"


def differences(conn: Connection, names: Mapping[str, str]) -> list[str]:
    return [
        f"{role} may write audit rows of other actors than {condition}"
        for role, condition in wrong(conn, names).items()
    ]


def _name(role: str) -> str:
    return f"{role}_audit"
