"""Decide which conditions that need the attention of an operator hold now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FAILED_MIN = 3  # if fewer jobs than this failed, the share of failed jobs is 0
DEAD_ROWS_MIN = 10_000  # a smaller number of dead rows slows no claim

COUNT_MAX = 10_000  # the overview counts at most this number of live jobs in a status

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


class Severity(StrEnum):
    """The urgency of a condition. `critical` and `warning` have the same meaning as in alerts."""

    CRITICAL = "critical"  # crawls stop or are lost until somebody acts
    WARNING = "warning"  # something is wrong, and gets worse or stays until somebody acts
    NOTICE = "notice"  # usual in operation, but worth knowing


@dataclass(frozen=True)
class AttentionFacts:
    """Numbers that were read at the same time. They decide which conditions hold."""

    queued_jobs: int = 0
    oldest_queued_seconds: float = 0
    # Results of the newest 100 failed and succeeded jobs of the last day.
    recent_failed: int = 0
    recent_succeeded: int = 0
    # The time for which jobs have been pending while no job succeeded.
    without_success_seconds: float = 0
    longest_crawl_seconds: float = 0
    expired_leases: int = 0  # jobs whose leases expired more than a minute ago
    waiting_without_cause: int = 0
    workers_alive: int = 1
    workers_lost: int = 0
    schedulers_alive: int = 1
    versions: int = 1  # the number of different versions of the live processes
    missed_ticks: int = 0
    schedule_lag_seconds: float = 0
    broken_schedules: int = 0
    held_steps: int = 0
    oldest_pending_step_seconds: float = 0
    failed_operations: int = 0  # failed within the last day
    oldest_undelivered_seconds: float = 0
    disabled_endpoints: int = 0  # disabled because their receivers failed
    oldest_transaction_seconds: float = 0
    dead_rows: int = 0  # in the table of jobs
    dead_row_share: float = 0
    reddit_refused: bool = False
    reddit_paused: bool = False  # true: a pause for a reason other than a refusal
    recently_throttled: int = 0  # client ids with a series of 429 replies in the last 15 minutes
    promised_share: float = 0  # the schedules' requests, as a share of Reddit's budget
    subreddits_with_gaps: int = 0  # subreddits with a new gap in the last day
    # The longest time since an item was last checked for deletion, divided by DELETION_CHECK_DAYS.
    unchecked_intervals: float = 0
    is_paused: bool = False  # true: the queue is paused

    @property
    def failed_share(self) -> float:
        """The share of failed jobs among recent jobs, or 0 if fewer than FAILED_MIN jobs failed."""
        if self.recent_failed < FAILED_MIN:
            return 0.0
        return self.recent_failed / (self.recent_failed + self.recent_succeeded)

    @property
    def harmful_dead_share(self) -> float:
        """The share of dead rows, or 0 if there are fewer than DEAD_ROWS_MIN dead rows."""
        return self.dead_row_share if self.dead_rows >= DEAD_ROWS_MIN else 0.0


@dataclass(frozen=True)
class Condition:
    """A condition that holds if its number is above `limit` (with `is_equal`: equal to `limit`).

    `sentence` is a template with `{value}`. `of_one` is the sentence for the number 1. `link` is
    the path of the API that shows the cause. `alert` is the alert of the same condition, and
    `metric` is the gauge with the same number. Both are None if they do not exist.
    """

    code: str
    severity: Severity
    number: Callable[[Any], float]  # reads the number from AttentionFacts or SystemFacts
    limit: float
    sentence: str
    remedy: str
    link: str
    alert: str | None = None
    metric: str | None = None
    is_equal: bool = False
    of_one: str | None = None
    shown_as: Callable[[float], str] = "{:,.0f}".format
    hidden_by: str | None = None  # hidden while the condition with this code holds

    def holds(self, facts: Any) -> bool:
        """Return whether the condition holds."""
        number = self.number(facts)
        return number == self.limit if self.is_equal else number > self.limit


@dataclass(frozen=True)
class Attention:
    """A condition that holds now. `value` is the number of the condition."""

    code: str
    severity: Severity
    value: float
    sentence: str
    remedy: str
    link: str
    alert: str | None


@dataclass(frozen=True)
class Check:
    """A condition with its present number. `sentence` is None if the condition does not hold."""

    code: str
    severity: Severity
    ok: bool
    value: float
    limit: float
    holds_at: str  # `above` or `equal`
    sentence: str | None
    remedy: str
    link: str
    alert: str | None


def checks(conditions: Iterable[Condition], facts: Any) -> list[Check]:
    """Return each condition with its present number, in the order of `conditions`."""
    return [_check(each, facts) for each in conditions]


def find(conditions: Iterable[Condition], facts: AttentionFacts) -> list[Attention]:
    """Return the conditions that hold and are not hidden, the most severe first."""
    holding = [each for each in conditions if each.holds(facts)]
    codes = {each.code for each in holding}
    shown = [_attention(each, facts) for each in holding if each.hidden_by not in codes]
    return sorted(shown, key=lambda each: list(Severity).index(each.severity))


def _sentence(condition: Condition, value: float) -> str:
    is_one = condition.of_one is not None and value == 1
    sentence = condition.of_one if is_one and condition.of_one else condition.sentence
    return sentence.format(value=condition.shown_as(value))


def _check(condition: Condition, facts: Any) -> Check:
    value, holds = condition.number(facts), condition.holds(facts)
    return Check(
        code=condition.code,
        severity=condition.severity,
        ok=not holds,
        value=float(value),
        limit=condition.limit,
        holds_at="equal" if condition.is_equal else "above",
        sentence=_sentence(condition, value) if holds else None,
        remedy=condition.remedy,
        link=condition.link,
        alert=condition.alert,
    )


def _attention(condition: Condition, facts: AttentionFacts) -> Attention:
    value = condition.number(facts)
    return Attention(
        code=condition.code,
        severity=condition.severity,
        value=float(value),
        sentence=_sentence(condition, value),
        remedy=condition.remedy,
        link=condition.link,
        alert=condition.alert,
    )


def duration(seconds: float) -> str:
    """Return a duration in whole minutes, hours or days, so that it does not change each second."""
    for limit, unit, name in (
        (2 * _HOUR, _MINUTE, "minutes"),
        (2 * _DAY, _HOUR, "hours"),
    ):
        if seconds < limit:
            count = int(seconds // unit)
            return f"{count} {name if count != 1 else name[:-1]}"
    return f"{int(seconds // _DAY):,} days"


def counted(number: float) -> str:
    """Return a number of jobs as text. The count stopped at COUNT_MAX."""
    return f"{number:,.0f}" if number < COUNT_MAX else f"At least {COUNT_MAX:,}"


def share(value: float) -> str:
    """Return a share in percent."""
    return f"{100 * value:.0f} %"
