"""Show the progress of the crawls: a live table on a terminal, elsewhere one line per change."""

import sys
from collections.abc import Iterable
from typing import Protocol

from rich.console import Console, Group, JustifyMethod
from rich.live import Live
from rich.table import Table
from rich.text import Text

from onebox import table_layout
from onebox.crawl_progress import JobView, Snapshot

OTHERS_SHOWN = 12
OWN_SHOWN = 12
NOTES_SHOWN = 4
LINE_WIDTH = 160  # width of a line in characters, if the output is no terminal
STYLES = {"succeeded": "green", "failed": "red", "cancelled": "red", "crawling": "cyan"}


class Display(Protocol):
    """Shows the jobs and the notes, as tables on a terminal or as lines of text."""

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
        width = self._live.console.width
        shown = [jobs_table([*snapshot.asked, *snapshot.own[:OWN_SHOWN]], width)]
        lines = [_note(note) for note in [*notes][-NOTES_SHOWN:]]
        if snapshot.others:
            more = len(snapshot.others) - OTHERS_SHOWN
            title = "found and scheduled" + (f", {more} more not shown" if more > 0 else "")
            lines.append(Text(title, style="italic"))
            shown.append(jobs_table(snapshot.others[:OTHERS_SHOWN], width))
        self._live.update(Group(shown[0], *lines, *shown[1:]), refresh=True)

    def close(self) -> None:
        self._live.stop()


def _note(text: str) -> Text:
    return Text(text, style="yellow", no_wrap=True, overflow="ellipsis")


class LineDisplay:
    """Prints a line for each change of a job's state or phase, and for each new note."""

    def __init__(self) -> None:
        self._shown: dict[int, tuple[str, str]] = {}
        self._noted: list[str] = []

    def show(self, snapshot: Snapshot, notes: Iterable[str]) -> None:
        current = [*snapshot.asked, *snapshot.own, *snapshot.others]
        for job in current:
            if self._shown.get(job.id) != (job.state, job.phase):
                self._shown[job.id] = (job.state, job.phase)
                print_line(line(job))
        self._shown = {job.id: self._shown[job.id] for job in current}
        latest = [*notes]
        for note in latest:
            if note not in self._noted:
                print_line(note)
        self._noted = latest

    def close(self) -> None:
        pass


def line(job: JobView) -> str:
    place = f" {job.phase} page {job.page}" if job.phase else ""
    counts = f"{job.posts} posts, {job.comments} comments, {job.authors} authors"
    note = f" - {job.note}" if job.note else ""
    asked = f"{job.requests_of_total} requests"
    return f"r/{job.subreddit}: {job.state}{place}, {counts}, {asked}{note}"


def print_line(text: str) -> None:
    cut = text if len(text) <= LINE_WIDTH else f"{text[: LINE_WIDTH - 3]}..."
    sys.stdout.write(f"{cut}\n")
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
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = LINE_WIDTH
    console.print(jobs_table(jobs, console.width))
