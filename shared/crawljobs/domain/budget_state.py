"""The state of a Reddit client id: available or paused, why, and how many requests remain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from crawljobs.domain.request_budget import REFUSED, USABLE_SHARE, PausedReason

# A client id is in use if its last request was sent within this time.
IN_USE_WITHIN = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BudgetState(StrEnum):
    """The state of a client id's budget. Workers may send requests, except in the state PAUSED."""

    AVAILABLE = "available"
    PAUSED = "paused"
    PROBE_DUE = "probe_due"  # the pause is over; the next request shows whether Reddit works again


class Credentials(StrEnum):
    """Whether Reddit's token endpoint accepts the client id and its secret."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # no worker has sent a request with a token yet


REMEDIES = {
    PausedReason.RATE_LIMIT: "Reddit answered 429: the workers go on by themselves after the pause",
    PausedReason.OUTAGE: "Reddit, or the way to it, is in trouble: the workers go on by themselves "
    "when a probe is answered; see the detail for the cause",
    PausedReason.CLIENT_REFUSED: "the client id or the address of the workers is blocked: open "
    "REDDIT_API_URL from their network, check REDDIT_USER_AGENT, and ask Reddit's support",
    PausedReason.CREDENTIALS_REFUSED: "correct REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET and "
    "restart the workers",
}


@dataclass(frozen=True)
class StoredBudget:
    """The row of a client id in the table reddit_budgets."""

    client_id: str
    next_slot_at: datetime
    window_started_at: datetime | None
    reserved: int
    others: int
    requests_per_window: int
    window_seconds: int
    paused_until: datetime | None
    throttles_in_a_row: int
    last_throttled_at: datetime | None
    recent_failures: int
    outage_until: datetime | None
    outages_in_a_row: int
    paused_reason: str | None
    paused_detail: str | None
    probing_until: datetime | None
    probe_good_at: datetime | None


@dataclass(frozen=True)
class ClientBudget:
    """The state of a client id at one moment. A time that does not apply is None."""

    client_id: str
    in_use: bool
    state: BudgetState
    reason: PausedReason | None
    detail: str | None
    remedy: str | None
    paused_until: datetime | None
    next_probe_at: datetime | None
    probing: bool
    credentials: Credentials
    requests_per_window: int
    usable: int
    reserved: int
    others: int
    remaining: int
    window_started_at: datetime
    window_ends_at: datetime
    next_slot_at: datetime
    failed_replies: int
    outages_in_a_row: int
    throttles_in_a_row: int
    last_throttled_at: datetime | None
    last_accepted_at: datetime | None


def at(row: StoredBudget, now: datetime) -> ClientBudget:
    """Return the state of a client id at `now`.

    `remaining` is the usable budget minus the spent requests of the present window, also while the
    workers pause.
    """
    reason = _reason(row, now)
    state = BudgetState.AVAILABLE
    ends = [end for end in (row.outage_until, row.paused_until) if end is not None and end > now]
    if ends:
        state = BudgetState.PAUSED
    elif row.outage_until is not None:
        state = BudgetState.PROBE_DUE
    width = timedelta(seconds=row.window_seconds)
    window = _EPOCH + (now - _EPOCH) // width * width
    usable = max(1, int(row.requests_per_window * USABLE_SHARE))
    reserved, others = _spent(row, window, usable)
    return ClientBudget(
        client_id=row.client_id,
        in_use=row.next_slot_at > now - IN_USE_WITHIN,
        state=state,
        reason=reason,
        detail=row.paused_detail if reason not in (None, PausedReason.RATE_LIMIT) else None,
        remedy=None if reason is None else REMEDIES[reason],
        paused_until=max(ends, default=None),
        next_probe_at=row.outage_until,
        probing=row.probing_until is not None and row.probing_until > now,
        credentials=_credentials(row, reason),
        requests_per_window=row.requests_per_window,
        usable=usable,
        reserved=reserved,
        others=others,
        remaining=max(0, usable - reserved),
        window_started_at=window,
        window_ends_at=window + width,
        next_slot_at=max(row.next_slot_at, *ends, now),
        failed_replies=row.recent_failures.bit_count(),
        outages_in_a_row=row.outages_in_a_row,
        throttles_in_a_row=0 if _series_has_ended(row, now) else row.throttles_in_a_row,
        last_throttled_at=row.last_throttled_at,
        last_accepted_at=row.probe_good_at,
    )


def _reason(row: StoredBudget, now: datetime) -> PausedReason | None:
    """Return why the workers pause or must probe first, or None if they may send requests.

    While the circuit breaker is open, the row has the reason. If an older release stored no reason,
    or a later release stored a reason that this release does not know, returns OUTAGE.
    """
    if row.outage_until is not None:
        return next((each for each in REFUSED if each == row.paused_reason), PausedReason.OUTAGE)
    is_paused = row.paused_until is not None and row.paused_until > now
    return PausedReason.RATE_LIMIT if is_paused else None


def _series_has_ended(row: StoredBudget, now: datetime) -> bool:
    """Return whether the series of 429 replies has ended, so that the next 429 begins a new series.

    A series ends one window of the budget after the later of two times: its last 429 reply, and the
    end of the pause.
    """
    times = [at for at in (row.paused_until, row.last_throttled_at) if at is not None]
    return bool(times) and max(times) <= now - timedelta(seconds=row.window_seconds)


def _spent(row: StoredBudget, window: datetime, usable: int) -> tuple[int, int]:
    """Return the requests spent in `window`, and how many of them other programs spent."""
    if row.window_started_at is None or row.window_started_at < window:
        return 0, 0
    if row.window_started_at > window:
        return usable, 0  # slots of a later window are reserved, so this window has no free slots
    return row.reserved, row.others


def _credentials(row: StoredBudget, reason: PausedReason | None) -> Credentials:
    """Return the state of the credentials. UNKNOWN: no worker has used a token yet.

    A good probe or a `window_started_at` proves that Reddit has issued a token. Only a worker with
    a token probes Reddit or reserves a slot, and only the reservation sets `window_started_at`.
    """
    if reason is PausedReason.CREDENTIALS_REFUSED:
        return Credentials.REFUSED
    had_token = row.window_started_at is not None or row.probe_good_at is not None
    return Credentials.ACCEPTED if had_token else Credentials.UNKNOWN
