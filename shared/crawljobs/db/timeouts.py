"""Timeouts for each step of a database call."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds.

    The server applies `statement` and `lock`. Both are below `reply`, so that the server's error
    arrives before the client stops waiting.
    """

    connect: float = 5.0
    pool: float = 5.0  # limits the wait for a free connection of the pool
    statement: float = 30.0
    lock: float = 5.0
    reply: float = 35.0
    ping: float = 35.0  # limits the wait for the reply to a ping, which checks an idle connection
    conflicts: float = 60.0  # after this time, a transaction with a conflict is not tried again


# The timeouts of background work, which can wait.
BACKGROUND_TIMEOUTS = Timeouts()
# The timeouts of requests whose callers wait. The sum of `ping` and `connect` is less than 2 s, the
# limit for the detection of a dead server (decision 56).
INTERACTIVE_TIMEOUTS = Timeouts(
    connect=0.9, pool=1.0, statement=5.0, lock=2.0, reply=6.0, ping=0.7, conflicts=8
)
# The timeouts of exports. A read of many rows takes longer than other requests.
EXPORT_TIMEOUTS = replace(INTERACTIVE_TIMEOUTS, statement=30.0, reply=31.0, conflicts=30)
# The timeouts of queries that only check whether the server answers.
PROBE_TIMEOUTS = replace(INTERACTIVE_TIMEOUTS, statement=1.0, reply=1.5)
