"""Describe the whole system in a few lines: totals, queue, rate, next due time, last event."""

from collections.abc import Sequence
from datetime import datetime

from onebox.postgres.latest_events import Event
from onebox.postgres.overview import LIVE_MAX, Overview

ITEMS = ("posts", "comments", "authors")


def lines(overview: Overview, now: datetime) -> list[str]:
    """Return the lines of the status for a terminal. `now` has a time zone."""
    shown = [
        f"{'now':<8}{_clock(now)}  {jobs(overview)}",
        f"{'stored':<8}{stored(overview)}; {rate(overview)}",
        f"{'next':<8}{next_run(overview, now)}",
    ]
    if overview.events:
        shown.append(f"{'last':<8}{event(overview.events[0])}")
    return shown


def line(overview: Overview, now: datetime) -> str:
    """Return the status in one line, without numbers that are 0, for an output without a screen."""
    parts = [_without_zeros(jobs(overview)) or "no jobs"]
    parts += [rate(overview)] if overview.requests_per_second else []
    rows = _without_zeros(stored(overview))
    parts += [f"stored: {rows}"] if rows else []
    return "; ".join([f"{_clock(now)} {parts[0]}", *parts[1:], f"next: {next_run(overview, now)}"])


def _without_zeros(counts: str) -> str:
    return ", ".join(part for part in counts.split(", ") if not part.startswith("0 "))


def jobs(overview: Overview) -> str:
    live = sum(overview.live.values())
    if live >= LIVE_MAX:
        return f"over {LIVE_MAX - 1:,} live jobs"
    counts = [
        f"{overview.live.get('queued', 0):,} queued",
        f"{overview.live.get('crawling', 0):,} crawling",
    ]
    if waiting := overview.live.get("waiting"):
        counts.append(f"{waiting:,} waiting")
    return ", ".join([*counts, f"{sum(overview.finished.values()):,} finished"])


def rate(overview: Overview) -> str:
    return f"{overview.requests_per_second:,.1f} requests/s"


def stored(overview: Overview) -> str:
    if overview.stored is None:
        return "too many rows to count in a second"
    return counted(overview.stored, ITEMS)


def counted(counts: Sequence[int], names: Sequence[str]) -> str:
    return ", ".join(f"{count:,} {name}" for count, name in zip(counts, names, strict=True))


def next_run(overview: Overview, now: datetime) -> str:
    """Return the next due time of a schedule and the time left, or why no schedule fires."""
    if overview.next_run is None:
        return "no schedule is enabled"
    at, name = overview.next_run
    if overview.next_run_waits_for is not None:
        return (
            f'schedule "{name}" is due; it waits for the end of group {overview.next_run_waits_for}'
        )
    left = max(0, int((at - now).total_seconds()))
    minutes, seconds = divmod(left, 60)
    hours, minutes = divmod(minutes, 60)
    span = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f'{_clock(at)} (in {span}) schedule "{name}"'


def event(shown: Event) -> str:
    return f"{_clock(shown.at)} {shown.text}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M:%S}"
