"""When a failed delivery is attempted again, and when an endpoint counts as dead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from crawljobs.domain.webhook import AttemptResult

# The delay before each attempt of a delivery. The sum is about 75 hours.
DELAYS = tuple(
    timedelta(seconds=each)
    for each in (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
JITTER = 0.2  # a delay is made shorter or longer at random, by at most this share
BUSY_DELAY = timedelta(seconds=60)  # the shortest delay after an answer of a busy receiver
BUSY_STATUSES = frozenset({429, 502, 504})
GONE_STATUS = 410  # with this status, a receiver answers that it wants no more events

# An attempt is interrupted if the process dies while it sends the delivery. The delivery may be the
# cause. So after this number of interrupted attempts, the delivery fails. After the n-th
# interrupted attempt, the delivery waits for a random time, at most n - 1 times INTERRUPTION_PAUSE.
INTERRUPTIONS_MAX = 10
INTERRUPTION_PAUSE = timedelta(seconds=30)

# An endpoint is dead if both conditions are true:
#
# - No attempt succeeded for SILENCE.
# - The first and the latest failure since the last success are at least SPAN apart.
SILENCE = timedelta(days=5)
SPAN = timedelta(hours=12)


def delay_before_retry(
    attempts: int,
    *,
    result: AttemptResult,
    status_code: int | None = None,
    retry_after: timedelta | None = None,
    uniform: Callable[[float, float], float],
) -> timedelta | None:
    """Return the delay before the next attempt, or None if no attempt is left.

    `attempts` is the number of attempts since the delivery became pending, at least 1. `uniform(a,
    b)` returns a random number for the jitter.

    - For a busy receiver, the delay is at least BUSY_DELAY.
    - `retry_after` is the delay that the receiver requested. It can make the delay longer, but at
      most twice as long.
    """
    if attempts >= len(DELAYS):
        return None
    delay = DELAYS[max(attempts, 1)] * (1.0 + uniform(-JITTER, JITTER))
    if result is AttemptResult.TIMEOUT or status_code in BUSY_STATUSES:
        delay = max(delay, BUSY_DELAY)
    if retry_after is not None:
        delay = min(max(delay, retry_after), 2 * delay)
    return delay


def is_dead(
    *,
    now: datetime,
    created_at: datetime,
    last_success_at: datetime | None,
    first_failure_at: datetime | None,
    last_failure_at: datetime | None,
) -> bool:
    """Return whether the endpoint must be disabled as failing.

    True if no attempt succeeded for SILENCE, and the first and the last failure since the last
    success are at least SPAN apart.
    """
    if first_failure_at is None or last_failure_at is None:
        return False
    return (
        now - (last_success_at or created_at) >= SILENCE
        and last_failure_at - first_failure_at >= SPAN
    )
