"""Shows progress: a table that moves on a terminal, a line a change elsewhere."""

import sys
from collections.abc import Iterable
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from onebox.progress import JobView, Snapshot

OTHERS_SHOWN = 12
NOTES_SHOWN = 4
STYLES = {"succeeded": "green", "failed": "red", "cancelled": "red", "crawling": "cyan"}


class Display(Protocol):
    """A terminal's or a file's."""

    def show(self, snapshot: Snapshot, notes: Iterable[str]) -> None: ...

    def close(self) -> None: ...


def opened() -> Display:
    console = Console(highlight=False)
    return TerminalDisplay(console) if console.is_terminal else LineDisplay()


class TerminalDisplay:
    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(self, snapshot: Snapshot, notes: Iterable[str]) -> None:
        shown = [jobs_table(snapshot.asked)]
        if snapshot.others:
            more = len(snapshot.others) - OTHERS_SHOWN
            title = "found and scheduled" + (f", {more} more not shown" if more > 0 else "")
            busiest = sorted(snapshot.others, key=lambda job: job.status != "crawling")
            shown.append(jobs_table(busiest[:OTHERS_SHOWN], title))
        lines = [Text(note, style="yellow") for note in [*notes][-NOTES_SHOWN:]]
        self._live.update(Group(*shown, *lines), refresh=True)

    def close(self) -> None:
        self._live.stop()


class LineDisplay:
    """A line whenever a job's state or phase changes, and for each note."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[str, str]] = {}
        self._noted: list[str] = []

    def show(self, snapshot: Snapshot, notes: Iterable[str]) -> None:
        current = [*snapshot.asked, *snapshot.others]
        for job in current:
            if self._said.get(job.id) != (job.state, job.phase):
                self._said[job.id] = (job.state, job.phase)
                say(line(job))
        self._said = {job.id: self._said[job.id] for job in current}
        latest = [*notes]
        for note in latest:
            if note not in self._noted:
                say(note)
        self._noted = latest

    def close(self) -> None:
        pass


def line(job: JobView) -> str:
    place = f" {job.phase} page {job.page}" if job.phase else ""
    counts = f"{job.posts} posts, {job.comments} comments, {job.authors} authors"
    trouble = f" - {job.trouble}" if job.trouble else ""
    asked = f"{job.requests_of_total} requests"
    return f"r/{job.subreddit}: {job.state}{place}, {counts}, {asked}{trouble}"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def jobs_table(jobs: list[JobView], title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, expand=False)
    for name in ("subreddit", "state", "phase"):
        table.add_column(name, no_wrap=True)
    for name in ("page", "posts", "comments", "authors", "requests"):
        table.add_column(name, justify="right")
    table.add_column("worker", no_wrap=True)
    table.add_column("trouble", overflow="ellipsis", no_wrap=True)
    for job in jobs:
        numbers = (job.page, job.posts, job.comments, job.authors, job.requests_of_total)
        table.add_row(
            Text(f"r/{job.subreddit}"),
            Text(job.state, style=STYLES.get(job.status, "")),
            Text(job.phase),
            *map(str, numbers),
            Text(job.worker),
            Text(job.trouble),
        )
    return table


def print_table(jobs: list[JobView]) -> None:
    """Whole lines, however narrow what they are written to is."""
    console = Console(highlight=False)
    console.width = max(console.width, 110)
    console.print(jobs_table(jobs))
