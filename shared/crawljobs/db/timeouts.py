"""Timeouts for each step of a database call."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds. `statement` and `lock`, of the server, must be shorter than `reply`."""

    connect: float = 5.0
    pool: float = 5.0  # for a free connection
    statement: float = 30.0
    lock: float = 5.0
    reply: float = 35.0
    ping: float = 35.0  # for the ping before a connection is used again
    conflicts: float = 60.0  # no new attempt of a conflicting transaction after this


# For background work, which can wait.
BACKGROUND_TIMEOUTS = Timeouts()
# For a waiting caller: a silent database is detected within 2 s (a ping, then a connect).
INTERACTIVE_TIMEOUTS = Timeouts(
    connect=0.9, pool=1.0, statement=5.0, lock=2.0, reply=6.0, ping=0.7, conflicts=8
)
# For SELECTs that only check whether the server answers.
PROBE_TIMEOUTS = replace(INTERACTIVE_TIMEOUTS, statement=1.0, reply=1.5)
