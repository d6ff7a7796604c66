"""The facts outside a job that decide when a worker claims the job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

ANSWERED_429 = "Reddit answered 429"


@dataclass(frozen=True)
class Surroundings:
    """The facts outside a job that decide when the job runs."""

    now: datetime
    paused: bool  # whether the whole queue is paused
    paused_until: datetime | None  # None: no pause, or a pause without an end
    subreddit_paused: bool
    subreddit_paused_until: datetime | None
    reddit_until: datetime | None  # before this time no worker sends a request to Reddit
    workers_alive: int
    ahead: int  # number of jobs that workers claim before this job
    ahead_at_least: bool  # whether more jobs may be ahead, because counting stopped at a limit
    starts_per_minute: float  # claims per minute, estimated from claims that ended recently
    paused_by: str | None = None  # the token that paused the whole queue
    pause_reason: str = ""
    subreddit_paused_by: str | None = None
    subreddit_pause_reason: str = ""
    reddit_reason: str | None = None  # why the circuit breaker is open; None: it is closed
    reddit_detail: str = ""
