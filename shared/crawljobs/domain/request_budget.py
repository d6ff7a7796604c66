"""The request budget of a Reddit client id, which all its workers share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Share of a window's requests that workers use. The rest is a reserve: workers see the requests of
# other consumers of the client id only afterwards.
USABLE_SHARE = 0.97
# At the start of a window: too early to estimate the rate of other consumers.
UNKNOWN_SHARE = 0.05
# The largest share of the remaining requests that is left to other consumers: a burst of their
# requests must not stop the workers.
LEFT_TO_OTHERS_SHARE = 0.9
# Reddit's limit in every recorded reply of 2025-26; used until a reply reports another limit.
DEFAULT_REQUESTS_PER_WINDOW = 1000
DEFAULT_WINDOW_SECONDS = 600

# A background crawl takes a slot only when at most this many requests wait before it. Without this
# limit many background crawls would delay a crawl that a user requested.
BACKGROUND_QUEUE = 1.0
# A slot within this time counts as free, however close together slots are.
QUEUE_SECONDS = 0.25

# A job whose slot is later than this is deferred, so that its worker can run another job.
LONGEST_SLOT_WAIT_SECONDS = 30.0

# The pause after a 429 without a duration: the first pause, and the limit of its doubling.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
# The limit of a pause whose duration Reddit gives. After it a request shows whether it still lasts.
LONGEST_STATED_PAUSE_SECONDS = 3600.0
# The limit of a pause of the token endpoint.
LONGEST_TOKEN_PAUSE_SECONDS = 600.0
# The lease of a worker's turn to request a token: longer than one exchange can take.
TOKEN_TURN_SECONDS = 75.0


# The breaker opens, and all workers pause, when FAILURES_THAT_OPEN of the last REPLIES_REMEMBERED
# replies are failures.
REPLIES_REMEMBERED = 20
FAILURES_THAT_OPEN = 10
# The pause of an outage doubles with every failed probe.
FIRST_OUTAGE_SECONDS = 30.0
LONGEST_OUTAGE_SECONDS = 300.0
# A worker that probes must report within this time; then another worker may probe.
PROBE_SECONDS = 90.0
# Between two checks whether Reddit accepts the client, counted over all workers.
PROBE_EVERY_SECONDS = 1.0


class PausedReason(StrEnum):
    """Why all workers of a client id pause."""

    RATE_LIMIT = "rate_limit"
    OUTAGE = "outage"
    CLIENT_REFUSED = "client_refused"  # the client id or its address is blocked
    CREDENTIALS_REFUSED = "credentials_refused"


REFUSED = frozenset({PausedReason.CLIENT_REFUSED, PausedReason.CREDENTIALS_REFUSED})


@dataclass(frozen=True, slots=True)
class Slot:
    """The slot of the next request, and the state of the client id."""

    delay_seconds: float  # the seconds until the request may start
    taken: bool  # whether the slot is reserved; not when the delay exceeds the caller's limit
    expires_seconds: float = float("inf")  # until the end of the slot's window
    number: int = 0  # of the request within its window
    others: int = 0  # requests of this window that other consumers sent
    outage: bool = False  # the breaker is open: only the worker that probes gets a slot
    probe: bool = False  # this worker sends the probe
    troubled: bool = False  # recent replies failed, so a good reply must be recorded
    paused_reason: PausedReason | None = None  # why the breaker is open
    paused_detail: str = ""


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """The rate-limit headers of a reply: the current window, including other consumers."""

    used: int
    remaining: int
    reset_seconds: int


@dataclass(frozen=True, slots=True)
class Pause:
    """All workers pause for `seconds` more; `is_new` when the reason has changed."""

    reason: PausedReason
    detail: str
    seconds: float
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class ProbeTurn:
    """Whether this worker sends the probe."""

    is_good: bool = False  # a recent probe showed that Reddit accepts the client
    is_mine: bool = False  # the caller must probe now
    pause: Pause | None = None
