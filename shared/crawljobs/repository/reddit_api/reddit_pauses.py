"""Pause all workers that use a Reddit client id, after a reply with status 429."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Double, bindparam, case, func, or_, select, update

from crawljobs.db.tables import reddit_budgets
from crawljobs.domain import request_budget
from crawljobs.domain.request_budget import PausedReason
from crawljobs.domain.webhook import EventType
from crawljobs.repository.sql import CLOCK, NOW, inline, inline_number, interval_of, seconds
from crawljobs.repository.webhooks.events import pause_events
from crawljobs.repository.webhooks.events.event_interest import wanted

_budget = reddit_budgets.c
_now = CLOCK.c.now
_ZERO = inline_number(0)
_OF_CLIENT = _budget.client_id == bindparam("client")

_PAUSE_LEFT = select(
    seconds(func.greatest(_budget.paused_until, _budget.outage_until) - NOW)
).where(_OF_CLIENT)

# A series of 429 replies ends with a window without a 429. It also ends with a good reply to a
# request that was sent after the end of the latest pause. A good reply to an earlier request does
# not end the series, because Reddit may have sent this reply before the pause.
_series_has_ended = or_(
    _now - interval_of(bindparam("good_ago", type_=Double)) > _budget.paused_until,
    func.greatest(_budget.paused_until, _budget.last_throttled_at)
    <= _now - interval_of(_budget.window_seconds),
)
_throttles = case((_series_has_ended, _ZERO), else_=_budget.throttles_in_a_row)
_is_paused = _budget.paused_until > _now
_growing_pause = func.least(
    bindparam("longest", type_=Double),
    bindparam("first", type_=Double) * func.power(inline_number(2), _throttles),
)

# A 429 during a pause has the same cause as the pause, so it does not make the next pause longer.
_PAUSE = (
    update(reddit_budgets)
    .where(_OF_CLIENT)
    .values(
        paused_until=func.greatest(
            _budget.paused_until,
            _now
            + interval_of(
                func.coalesce(
                    bindparam("seconds", type_=Double),
                    case((_is_paused, _ZERO), else_=_growing_pause),
                )
            ),
        ),
        throttles_in_a_row=case(
            (_is_paused, _budget.throttles_in_a_row),
            else_=func.least(_throttles + inline_number(1), inline_number(30)),
        ),
        last_throttled_at=_now,
        paused_reason=case(
            (_budget.outage_until.is_(None), inline(PausedReason.RATE_LIMIT)),
            else_=_budget.paused_reason,
        ),
    )
    .returning(wanted(EventType.BUDGET_PAUSED))
)


def pause_left(conn: Connection, *, client_id: str, now: datetime | None = None) -> float:
    """Return the seconds until workers may send requests with the client id, or 0.

    Workers pause after a 429 reply and during an outage. The later of the two ends counts.
    """
    left = conn.execute(_PAUSE_LEFT, {"client": client_id, "now": now}).scalar()
    return max(0.0, left or 0.0)


def pause_all(
    conn: Connection,
    *,
    client_id: str,
    seconds: float | None,
    good_ago: float | None = None,
    now: datetime | None = None,
) -> None:
    """Pause all workers for `seconds`, after a reply with status 429.

    If `seconds` is None, the pause is 5 s after the first 429 of a series. It doubles with each
    further 429, up to 10 minutes. A series ends in two ways:

    - A window of the budget has no 429.
    - A request that was sent after the latest pause gets a good reply. `good_ago` is the time in
      seconds since the caller sent its latest request with a good reply, or None without this
      request.
    """
    has_event = conn.execute(
        _PAUSE,
        {
            "client": client_id,
            "seconds": seconds,
            "first": request_budget.FIRST_PAUSE_SECONDS,
            "longest": request_budget.LONGEST_PAUSE_SECONDS,
            "good_ago": good_ago,
            "now": now,
        },
    ).scalar()
    if has_event:
        reason = PausedReason.RATE_LIMIT
        pause_events.record(conn, client_id=client_id, reason=reason, now=now)
