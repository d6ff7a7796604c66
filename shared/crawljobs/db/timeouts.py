"""How long each step of a call may take, so that none hangs."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Timeouts:
    """In seconds. Those of the server (statement, lock) must come before the client's (reply)."""

    connect: float = 5.0
    pool: float = 5.0  # for a free connection
    statement: float = 30.0
    lock: float = 5.0
    reply: float = 35.0
    ping: float = 35.0  # for the sign of life before a connection is used again
    conflicts: float = 60.0  # no new try of a conflicting transaction after this


# For work in the background, which may as well wait.
BACKGROUND_TIMEOUTS = Timeouts()
# For a caller who waits: a database that is silent is found out within 2 s (ping, then connect).
INTERACTIVE_TIMEOUTS = Timeouts(
    connect=0.9, pool=1.0, statement=5.0, lock=2.0, reply=6.0, ping=0.7, conflicts=8
)
# For SELECTs that only show whether anything answers.
PROBE_TIMEOUTS = replace(INTERACTIVE_TIMEOUTS, statement=1.0, reply=1.5)
