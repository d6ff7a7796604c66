"""The conditions of the database and the processes that `GET /api/admin/system` checks."""

from __future__ import annotations

from dataclasses import dataclass

from crawljobs.domain.attention import Condition, Severity, share

_SYSTEM = "/api/admin/system"


@dataclass(frozen=True)
class SystemFacts:
    """Numbers that were read at the same time. They decide which of these conditions hold."""

    is_schema_unknown: bool = False
    is_read_only: bool = False
    connections_share: float = 0  # the used share of the server's possible connections
    is_autovacuum_off: bool = False
    # The largest difference between the clocks of a live process and the database.
    clock_difference_seconds: float = 0
    differing_settings: int = 0


SYSTEM = (
    Condition(
        "schema_unknown",
        Severity.CRITICAL,
        lambda facts: facts.is_schema_unknown,
        1,
        "The API does not know the revision of the database's schema.",
        "Run crawljobs-migrate upgrade of the version of the API.",
        _SYSTEM,
        is_equal=True,
    ),
    Condition(
        "database_read_only",
        Severity.CRITICAL,
        lambda facts: facts.is_read_only,
        1,
        "The database is read-only: no change is stored and no job is claimed.",
        "Point DATABASE_URL to the primary server, or end its read-only mode.",
        _SYSTEM,
        is_equal=True,
    ),
    Condition(
        "connections_short",
        Severity.WARNING,
        lambda facts: facts.connections_share,
        0.8,
        "{value} of the connections of the database server are in use.",
        "connections names the programs. Run fewer processes, use a pooler, or raise "
        "max_connections.",
        _SYSTEM,
        shown_as=share,
    ),
    Condition(
        "autovacuum_off",
        Severity.WARNING,
        lambda facts: facts.is_autovacuum_off,
        1,
        "Autovacuum is off: dead rows slow down each claim.",
        "Set autovacuum = on in the configuration of the database server.",
        _SYSTEM,
        is_equal=True,
    ),
    Condition(
        "clock_differs",
        Severity.WARNING,
        lambda facts: facts.clock_difference_seconds,
        5,
        "The clock of a process differs from the clock of the database by {value} seconds.",
        "Synchronize the clocks of the machines, such as by NTP. Log lines, signatures of webhooks "
        "and certificates depend on them.",
        _SYSTEM,
    ),
    Condition(
        "settings_differ",
        Severity.NOTICE,
        lambda facts: facts.differing_settings,
        0,
        "{value} settings differ between the processes of a service.",
        "setting_differences names them: give all processes the same values and restart them.",
        _SYSTEM,
        of_one="A setting differs between the processes of a service.",
    ),
)
