"""Show the progress of the crawls: a live table on a terminal, elsewhere one line per change."""

import sys
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from onebox.crawl_progress import JobView, Snapshot
from onebox.postgres.overview import Overview
from onebox.screen import status_line, table_layout

OTHERS_SHOWN = 12
OWN_SHOWN = 12
NOTES_SHOWN = 4
LINE_WIDTH = 160  # width of a line in characters, if the output is no terminal
STATUS_SECONDS = 60.0  # interval of the line with the status, if the output is no terminal
STYLES = {"succeeded": "green", "failed": "red", "cancelled": "red", "crawling": "cyan"}


class Display(Protocol):
    """Shows the status, the jobs and the notes, as tables on a terminal or as lines of text."""

    def show(
        self,
        snapshot: Snapshot,
        notes: Iterable[str],
        overview: Overview | None = None,
        pauses: Iterable[str] = (),
    ) -> None: ...

    def close(self) -> None: ...


def opened() -> Display:
    console = _console()
    tables = console.is_terminal and not console.is_dumb_terminal
    return TerminalDisplay(console) if tables else LineDisplay()


def _console() -> Console:
    # Without `force_terminal`, the variable FORCE_COLOR would put control characters into a file.
    return Console(highlight=False, force_terminal=sys.stdout.isatty())


class TerminalDisplay:
    """Shows the status, the user's jobs, and the other jobs that fit. Each `show` redraws them."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(
        self,
        snapshot: Snapshot,
        notes: Iterable[str],
        overview: Overview | None = None,
        pauses: Iterable[str] = (),
    ) -> None:
        console = self._live.console
        now = datetime.now().astimezone()
        status = [_one_line(text) for text in status_line.lines(overview, now)] if overview else []
        jobs = [*snapshot.asked, *snapshot.own[:OWN_SHOWN]]
        parts: list[RenderableType] = [*status, jobs_table(jobs, console.width)]
        latest = [_one_line(note, "yellow") for note in [*notes][-NOTES_SHOWN:]]
        latest += [line for each in pauses for line in _wrapped(each, console)]
        parts += latest
        if snapshot.others:
            # 3 more lines are not free: the title and the head of the second table, and the cursor.
            free = console.height - len(status) - (1 + len(jobs)) - len(latest) - 3
            shown = snapshot.others[: max(0, min(OTHERS_SHOWN, free))]
            more = len(snapshot.others) - len(shown)
            title = "found and scheduled" + (f", {more} more not shown" if more > 0 else "")
            parts.append(Text(title, style="italic"))
            if shown:
                parts.append(jobs_table(shown, console.width))
        self._live.update(Group(*parts), refresh=True)

    def close(self) -> None:
        self._live.stop()


def _wrapped(text: str, console: Console) -> list[Text]:
    """Wrap the text to the console's width. The text is not cut, because it may name a remedy."""
    return [*Text(text, style="yellow").wrap(console, console.width)]


def _one_line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


class LineDisplay:
    """Prints a line for each change of a job's state or phase, and for each new note or event.

    It also prints the status once a minute.
    """

    def __init__(self) -> None:
        self._shown: dict[int, tuple[str, str]] = {}
        self._noted: list[str] = []
        self._events: set[tuple[str, int, datetime]] = set()
        self._status_at = time.monotonic() + STATUS_SECONDS

    def show(
        self,
        snapshot: Snapshot,
        notes: Iterable[str],
        overview: Overview | None = None,
        pauses: Iterable[str] = (),
    ) -> None:
        current = [*snapshot.asked, *snapshot.own, *snapshot.others]
        for job in current:
            if self._shown.get(job.id) != (job.state, job.phase):
                self._shown[job.id] = (job.state, job.phase)
                print_line(line(job))
        self._shown = {job.id: self._shown[job.id] for job in current}
        latest, in_force = [*notes], [*pauses]
        for note in latest:
            if note not in self._noted:
                print_line(note)
        for pause in in_force:
            if pause not in self._noted:
                print_whole(pause)
        self._noted = latest + in_force
        if overview is not None:
            self._show_events(overview)
            if time.monotonic() >= self._status_at:
                self._status_at = time.monotonic() + STATUS_SECONDS
                print_line(status_line.line(overview, datetime.now().astimezone()))

    def _show_events(self, overview: Overview) -> None:
        for event in reversed(overview.events):
            # Leave out the end of a user's job: `show` has printed it as a change of the state.
            if event.key not in self._events and not event.by_user:
                print_line(status_line.event(event))
        self._events = {event.key for event in overview.events}

    def close(self) -> None:
        pass


def line(job: JobView) -> str:
    place = f" {job.phase} page {job.page}" if job.phase else ""
    items = ((job.posts, "posts"), (job.comments, "comments"), (job.authors, "authors"))
    counts = [f"{count} {name}" for count, name in items if count]
    requests = [f"{job.requests_of_total} requests"] if job.requests else []
    note = f" - {job.note}" if job.note else ""
    said = ", ".join([f"{job.state}{place}", *counts, *requests])
    return f"r/{job.subreddit}: {said}{note}"


def print_line(text: str) -> None:
    cut = text if len(text) <= LINE_WIDTH else f"{text[: LINE_WIDTH - 3]}..."
    print_whole(cut)


def print_whole(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def jobs_table(jobs: list[JobView], width: int) -> Table:
    rows = [_cells(job) for job in jobs]
    columns = table_layout.fit(rows, width)
    table = Table(box=None, pad_edge=False, padding=(0, table_layout.GAP, 0, 0))
    for column, cells in columns:
        justify: JustifyMethod = "right" if column.is_number else "left"
        table.add_column(
            column.name, width=cells, no_wrap=True, overflow="ellipsis", justify=justify
        )
    for job, row in zip(jobs, rows, strict=True):
        style = "yellow" if job.is_barred else STYLES.get(job.status, "")
        table.add_row(
            *(
                Text(row[column.name], style=style if column.name == "state" else "")
                for column, _ in columns
            )
        )
    return table


def _cells(job: JobView) -> dict[str, str]:
    return {
        "subreddit": f"r/{job.subreddit}",
        "state": job.state,
        "phase": job.phase,
        "page": str(job.page),
        "posts": str(job.posts),
        "comments": str(job.comments),
        "authors": str(job.authors),
        "requests": job.requests_of_total,
        "worker": job.worker,
        "note": job.note,
    }


def print_table(jobs: list[JobView]) -> None:
    console = _console()
    if not console.is_terminal:
        console.width = LINE_WIDTH
    console.print(jobs_table(jobs, console.width))
