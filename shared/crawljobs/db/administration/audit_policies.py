"""Which actors each service's role may write into the audit log: a row policy for each role.

The table's own policies let every role with the right add rows of any actor, which is how a
database without roles of the services is run. These restrict the roles that there are. They are for
PUBLIC and name the role in their condition: a policy for a role is dropped by that very role with
DROP OWNED.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text

from crawljobs.db.administration import grants

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
        polcmd = 'a' AND polqual IS NULL AND polroles = '{0}' AS is_ours
    FROM pg_policy
    WHERE polrelid = to_regclass('public.admin_audit_log') AND NOT polpermissive
    """)


def wrong(conn: Connection, names: Mapping[str, str]) -> dict[str, str]:
    """By role of a service: the condition that its policy should have and has not."""
    if not conn.execute(_IS_ON).scalar_one():
        return {}
    found = {row.name: row.condition for row in conn.execute(_FOUND) if row.is_ours}
    return {
        role: condition
        for role, condition in _wanted(names).items()
        if found.get(_name(role)) != condition
    }


def restrict(conn: Connection, names: Mapping[str, str]) -> Iterator[str]:
    """Make or mend the policy of each service; a line for each that changed."""
    for role, condition in wrong(conn, names).items():
        name = _name(role)
        conn.exec_driver_sql(f"DROP POLICY IF EXISTS {name} ON public.admin_audit_log")
        conn.exec_driver_sql(
            f"CREATE POLICY {name} ON public.admin_audit_log AS RESTRICTIVE FOR INSERT "
            f"TO PUBLIC WITH CHECK {condition}"
        )
        yield f"restricted the actors that {role} may write into the audit log"


def differences(conn: Connection, names: Mapping[str, str]) -> list[str]:
    """Policies that are missing or wrong, and those that restrict more than one role's INSERT."""
    unknown = {
        row.name
        for row in conn.execute(_FOUND)
        # Another installation's roles may be there, too.
        if not (row.is_ours and row.condition.startswith(f"((SESSION_USER <> '{row.name[:-6]}'::"))
    }
    return [
        f"{role} may write audit rows of other actors than {condition}"
        for role, condition in wrong(conn, names).items()
    ] + [f"not in the code: policy {name} on admin_audit_log" for name in sorted(unknown)]


def _wanted(names: Mapping[str, str]) -> dict[str, str]:
    return {
        names[kind]: f"((SESSION_USER <> '{names[kind]}'::name) OR {condition})"
        for kind, condition in CONDITIONS.items()
        if kind in names
    }


def _name(role: str) -> str:
    return f"{role}_audit"
