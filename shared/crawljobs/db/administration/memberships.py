"""Make the owner, the current user and the scheduler members of the roles that they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from crawljobs.db.administration import grants

# The scheduler measures for how long open sessions prevent vacuum from removing rows. For this, the
# scheduler needs the statistics about the sessions of all roles.
_READS_STATISTICS = ("pg_read_all_stats", grants.SCHEDULER)


def make(conn: Connection, names: Mapping[str, str]) -> Iterator[str]:
    """Grant three kinds of membership. Yields one line for each change.

    - The owner joins the services' roles, because only members of a role see the details of its
      sessions.
    - The current user joins the owner's role, because only members of a role may make the role the
      owner of a table.
    - The scheduler joins the role `pg_read_all_stats`.
    """
    owner = names[grants.OWNER]
    wanted = [(names[service], owner) for service in grants.SERVICES]
    wanted += [(owner, "current_user")]
    statistics, reader = _READS_STATISTICS
    wanted += [(statistics, names[reader])]
    for group, member in wanted:
        whose = "current_user" if member == "current_user" else f"'{member}'"
        is_member = f"SELECT pg_has_role({whose}, '{group}', 'USAGE')"
        if conn.exec_driver_sql(is_member).scalar_one():
            continue
        if group == statistics and not _may_grant(conn, statistics):
            yield (
                f"left {member} without {statistics}, which only an administrator of that role can "
                "grant: crawl_db_oldest_xmin_age_seconds counts the services' sessions alone"
            )
            continue
        conn.exec_driver_sql(f"GRANT {group} TO {member}")
        yield f"made {member} a member of {group}"


def _may_grant(conn: Connection, role: str) -> bool:
    """Return whether the current user may grant membership in `role`.

    Before PostgreSQL 16, a user with CREATEROLE may grant membership in any role that is not a
    superuser.
    """
    query = f"""
        SELECT rolsuper OR pg_has_role('{role}', 'USAGE WITH ADMIN OPTION')
            OR rolcreaterole AND current_setting('server_version_num')::int < 160000
        FROM pg_roles WHERE rolname = current_user
        """  # noqa: S608 - a constant
    return bool(conn.exec_driver_sql(query).scalar_one())
