"""The settings of each role: time limits, and read-only transactions for analysts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import Connection, text

from crawljobs.db.administration import grants
from crawljobs.db.connection import IDLE_IN_TRANSACTION_SECONDS
from crawljobs.db.timeouts import BACKGROUND_TIMEOUTS

# The limits of each role. They apply to all sessions of the role, also to sessions of other
# programs and of a pooler. The services set the same limits in their own sessions.
_OF_SERVICES = {
    "statement_timeout": f"{BACKGROUND_TIMEOUTS.statement:g}s",
    "lock_timeout": f"{BACKGROUND_TIMEOUTS.lock:g}s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
}
# The settings of analysts. The queries of analysts may take longer than the queries of the
# services. If a session tries to write by mistake, it gets an error that names the cause.
_OF_READER = {
    "statement_timeout": "300s",
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_read_only": "on",
}

# A session cannot change these settings of its role, because only a superuser may change them.
# temp_file_limit limits the temporary files of one process, so a large sort cannot fill the disk.
ENFORCED = {grants.READER: {"temp_file_limit": "1GB"}}


def of(kind: str) -> dict[str, str]:
    """Return the settings that a role gives to all its sessions. The owner's role has none."""
    if kind == grants.OWNER:
        return {}
    return {**_OF_SERVICES, **(_OF_READER if kind == grants.READER else {})}


# Selects settings that a role could have changed for itself, in all databases or in this database.
_OWN = text("""
    SELECT rolname, place, name AS setting, quote_ident(name) AS quoted
    FROM (
        SELECT rolname, split_part(unnest(setconfig), '=', 1) AS name, setdatabase,
            CASE WHEN setdatabase <> 0
                THEN format('IN DATABASE %I', current_database()) ELSE '' END AS place
        FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole
        WHERE setdatabase = 0 OR setdatabase = (
            SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS found
    LEFT JOIN pg_settings USING (name)
    WHERE rolname = ANY(:roles) AND coalesce(context, 'user') IN ('user', 'backend')
        AND NOT (place = '' AND name = ANY(:ours))
    ORDER BY 1, 2, 3
    """)


_PRESENT = text("""
    SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole
    WHERE setdatabase = 0 AND rolname = :role
    """)


def equalize(conn: Connection, name: str, kind: str, has: Collection[str]) -> Iterator[str]:
    """Set missing and changed settings of the role `name`. Yields one line for each change.

    `has` are the present settings, such as `lock_timeout=5s`. A setting of ENFORCED is left out if
    the current user may not set it.

    The role may have changed other settings for itself, which could break its sessions. These
    settings are reset, except for the owner's role.
    """
    enforced = {
        setting: value
        for setting, value in ENFORCED.get(kind, {}).items()
        if _may_set(conn, setting)
    }
    for setting, value in {**of(kind), **enforced}.items():
        if f"{setting}={value}" not in has:
            conn.exec_driver_sql(f"ALTER ROLE {name} SET {setting} = '{value}'")
            yield f"set the {setting} of {name}"
    if kind == grants.OWNER:
        return
    for row in conn.execute(_OWN, {"roles": [name], "ours": [*of(kind)]}).all():
        conn.exec_driver_sql(f"ALTER ROLE {name} {row.place} RESET {row.quoted}".replace("%", "%%"))
        yield f"reset the {row.setting} of {name}"


def unknown(conn: Connection, name: str, kind: str) -> Iterator[str]:
    """Yield one line for each setting that the role changed for itself."""
    for row in conn.execute(_OWN, {"roles": [name], "ours": [*of(kind)]}).all():
        yield f"{row.rolname} has the setting {row.setting} {row.place}".rstrip()


def missing(conn: Connection, name: str, kind: str) -> Iterator[str]:
    """Yield one line for each required setting that the role lacks or has with another value."""
    for setting in _lacking(conn, name, of(kind)):
        yield f"{name} lacks the setting {setting}"


def notes(conn: Connection, name: str, kind: str) -> Iterator[str]:
    """Yield one line for each setting of ENFORCED that the role lacks."""
    for setting in _lacking(conn, name, ENFORCED.get(kind, {})):
        yield (
            f"note: {name} lacks the setting {setting}, which only a superuser can set: "
            "run `crawljobs-migrate roles` as a superuser"
        )


def _lacking(conn: Connection, name: str, settings: Mapping[str, str]) -> list[str]:
    has = set(conn.execute(_PRESENT, {"role": name}).scalars())
    wanted = [f"{setting}={value}" for setting, value in settings.items()]
    return [setting for setting in wanted if setting not in has]


def _may_set(conn: Connection, setting: str) -> bool:
    query = text("SELECT has_parameter_privilege(:setting, 'SET')")
    return bool(conn.execute(query, {"setting": setting}).scalar_one())
