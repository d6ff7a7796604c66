"""How a Reddit client's budget is spent: what is shared by all workers of one client id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Never the last requests of a window: those of another consumer are only seen afterwards.
USABLE_SHARE = 0.97
# Of a window, from its begin: too early to tell how fast others spend.
UNKNOWN_SHARE = 0.05
# Of what is left, the most that is left to others: a burst of theirs must not stop us.
LEFT_TO_OTHERS_SHARE = 0.9
# What Reddit gave in every recorded reply of 2025-26, until a reply tells otherwise.
DEFAULT_REQUESTS_PER_WINDOW = 1000
DEFAULT_WINDOW_SECONDS = 600

# What nobody asked for takes a slot behind so many others at most: else many such crawls would take
# as many turns as they are from one that somebody waits for.
BACKGROUND_QUEUE = 1.0
# Sooner than this there is no queue, however close together slots are.
QUEUE_SECONDS = 0.25

# A job whose turn comes later waits in the queue, so that its worker can do another.
LONGEST_SLOT_WAIT_SECONDS = 30.0

# A 429 that does not say how long: the first pause, and how long it may grow by doubling.
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
# The same of one that does; what is longer is asked for again when this is over.
LONGEST_TOLD_PAUSE_SECONDS = 3600.0
# Of the token endpoint alone, and of the turn to ask it: longer than an exchange can take.
LONGEST_TOKEN_PAUSE_SECONDS = 600.0
TOKEN_TURN_SECONDS = 75.0
FORGIVEN_AFTER_SECONDS = 1800.0


# The breaker: this many of the last replies failed, and all workers pause.
REPLIES_REMEMBERED = 20
FAILURES_THAT_OPEN = 10
# A pause of an outage doubles with every probe that fails; who probes must have told by then.
FIRST_OUTAGE_SECONDS = 30.0
LONGEST_OUTAGE_SECONDS = 300.0
PROBE_SECONDS = 90.0
# Between two looks whether Reddit accepts the client, by all workers together.
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
    """When the next request may start. Not `taken` when it is later than the caller would wait.

    It counts in its own window alone: `expires_seconds` from now it is worth nothing.
    In an `outage` of Reddit nothing is taken, but by the one who is to `probe` whether it is over.
    It is the `number`th request of its window, of which `others` were known to be somebody else's.
    `troubled`: some of the last replies failed, so a good one is worth telling.
    `paused_reason` and `paused_detail` say why, in an outage.
    """

    delay_seconds: float
    taken: bool
    expires_seconds: float = float("inf")
    number: int = 0
    others: int = 0
    outage: bool = False
    probe: bool = False
    troubled: bool = False
    paused_reason: PausedReason | None = None
    paused_detail: str = ""


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """What a reply's headers tell of the current window, other consumers included."""

    used: int
    remaining: int
    reset_seconds: int


@dataclass(frozen=True, slots=True)
class Pause:
    """All workers pause for `seconds` more; `is_new` when the reason was another one before."""

    reason: PausedReason
    detail: str
    seconds: float
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class ProbeTurn:
    """Whether the client is known to be accepted, or the caller is to look, or to wait."""

    is_good: bool = False
    is_mine: bool = False
    pause: Pause | None = None
