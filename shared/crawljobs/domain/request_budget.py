"""The request budget of a Reddit client id. All workers with the same client id share one budget.

A slot is the reserved time of one request within the budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# The share of a window's requests that workers use. The rest is a reserve for other programs with
# the same client id, because workers learn of the requests of these programs only afterwards.
USABLE_SHARE = 0.97
# At the start of a window, it is too early to estimate how many requests other programs send. The
# estimate is 0 during this first share of the window.
UNKNOWN_SHARE = 0.05
# The workers leave at most this share of a window's remaining requests to other programs. Without
# this limit, the workers would stop when other programs send many requests at once.
LEFT_TO_OTHERS_SHARE = 0.9
# The number of requests in a window, and the length of a window in seconds. All replies of Reddit
# that were recorded in 2025 and 2026 report these values. They are used until a reply reports
# others.
DEFAULT_REQUESTS_PER_WINDOW = 1000
DEFAULT_WINDOW_SECONDS = 600

# A background crawl reserves the next free slot only if at most about this number of reserved slots
# come before it. Otherwise many background crawls would delay a crawl that a user requested.
BACKGROUND_QUEUE = 1.0
# A background crawl may always reserve a slot that starts within QUEUE_SECONDS from now.
QUEUE_SECONDS = 0.25

# If the next slot is more than this number of seconds away, the job is deferred, so that its worker
# can run another job.
LONGEST_SLOT_WAIT_SECONDS = 30.0

# The first pause after a 429 reply without a duration. The pause doubles with each 429 in a row, up
# to LONGEST_PAUSE_SECONDS.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
# The longest pause after a 429 reply that states a duration. After this time, workers send requests
# even if Reddit stated a longer duration.
LONGEST_STATED_PAUSE_SECONDS = 3600.0
# The longest pause of token requests after the token endpoint replied 429.
LONGEST_TOKEN_PAUSE_SECONDS = 600.0
# Only one worker at a time has the turn to request a token. The turn ends after this time, which is
# longer than a request can take.
TOKEN_TURN_SECONDS = 75.0


# The circuit breaker opens when FAILURES_THAT_OPEN of the last REPLIES_REMEMBERED replies are
# failures. Then all workers pause.
REPLIES_REMEMBERED = 20
FAILURES_THAT_OPEN = 10
# The first pause while the circuit breaker is open. The pause doubles with every failed probe, up
# to LONGEST_OUTAGE_SECONDS.
FIRST_OUTAGE_SECONDS = 30.0
LONGEST_OUTAGE_SECONDS = 300.0
# A worker that probes Reddit must report the result within this time. Otherwise another worker may
# probe.
PROBE_SECONDS = 90.0
# After an unclear reply (Reddit may have blocked the client), a worker probes Reddit. All workers
# together start at most one probe in this time.
PROBE_EVERY_SECONDS = 1.0


class PausedReason(StrEnum):
    """Why all workers of a client id pause."""

    RATE_LIMIT = "rate_limit"
    OUTAGE = "outage"
    CLIENT_REFUSED = "client_refused"  # Reddit blocks the client id or the workers' IP address
    CREDENTIALS_REFUSED = "credentials_refused"


REFUSED = frozenset({PausedReason.CLIENT_REFUSED, PausedReason.CREDENTIALS_REFUSED})


@dataclass(frozen=True, slots=True)
class Slot:
    """The slot (reserved time) of the next request, and whether the client id's workers pause."""

    delay_seconds: float  # seconds until the request may start
    taken: bool  # whether the slot is reserved; false if the delay exceeds the caller's limit
    expires_seconds: float = float("inf")  # seconds until the slot's window ends
    number: int = 0  # the number of the request within its window
    others: int = 0  # requests that other programs sent in this window
    outage: bool = False  # true: all workers pause, because the circuit breaker is open
    probe: bool = False  # true: the request of this slot must be a probe
    troubled: bool = False  # true: there were recent failures, so a good reply must be recorded
    paused_reason: PausedReason | None = None  # why the circuit breaker is open, or None
    paused_detail: str = ""


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """The rate-limit headers of a reply. The counts include the requests of other programs."""

    used: int
    remaining: int
    reset_seconds: int


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of all workers, with the seconds until its end.

    `is_new` is true if the pause has just begun or its reason has changed.
    """

    reason: PausedReason
    detail: str
    seconds: float
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class ProbeTurn:
    """Whether this worker must probe Reddit now. If no field is set, another worker probes now."""

    is_good: bool = False  # true: a recent probe showed that Reddit accepts the client
    is_mine: bool = False  # true: this worker must probe now
    pause: Pause | None = None  # the pause of all workers; None: the workers do not pause
