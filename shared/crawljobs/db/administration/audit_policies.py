"""Row policies that limit which actors a service may write into the audit log.

The policies of the migrations are permissive, so that databases without service roles work. With
these policies alone, every role that may insert rows could write any actor. So this module adds a
restrictive policy for each service role.

The new policy is created `TO PUBLIC`, and only its condition names the role. If the policy were
created `TO role`, the role could remove the policy with DROP OWNED.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text

from crawljobs.db.administration import grants

# The condition of each service's policy. It has the form in which Postgres prints conditions,
# because `wrong` compares it with the printed text.
#
# - crawler-worker and scheduler may write only themselves as the actor.
# - admin-api writes the names of API tokens as actors. It may not write a service as the actor.
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
    """Return the correct condition for each service role whose policy is missing or wrong."""
    if not conn.execute(_IS_ON).scalar_one():
        return {}
    found = {row.name: row.condition for row in conn.execute(_FOUND) if row.is_ours}
    return {
        role: condition
        for role, condition in _wanted(names).items()
        if found.get(_name(role)) != condition
    }


def restrict(conn: Connection, names: Mapping[str, str]) -> Iterator[str]:
    """Create missing policies, and replace wrong policies. Yields one line for each change."""
    for role, condition in wrong(conn, names).items():
        name = _name(role)
        conn.exec_driver_sql(f"DROP POLICY IF EXISTS {name} ON public.admin_audit_log")
        conn.exec_driver_sql(
            f"CREATE POLICY {name} ON public.admin_audit_log AS RESTRICTIVE FOR INSERT "
            f"TO PUBLIC WITH CHECK {condition}"
        )
        yield f"restricted the actors that {role} may write into the audit log"


def differences(conn: Connection, names: Mapping[str, str]) -> list[str]:
    """Return one line for each missing, wrong or unknown restrictive policy."""
    unknown = {
        row.name
        for row in conn.execute(_FOUND)
        # Another installation may use this database with other role names. The policies for its
        # roles have conditions of the same form. These policies are not reported as unknown.
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
