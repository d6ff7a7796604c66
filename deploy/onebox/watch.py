"""Show the crawls of the running demo until a signal arrives or the demo's time limit has passed.

With `once`, the demo also stops when all requested crawls have ended or Reddit refuses the client.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from onebox.crawl_progress import Snapshot
from onebox.stop_request import StopRequest
from onebox.system import System

MAP_FILE = "map.svg"  # a file in the data folder
SHOW_SECONDS = 0.2
SHOW_IDLE_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """The options of the command line that matter while the demo runs."""

    once: bool
    ready_file: Path | None
    data: Path
    minutes: float | None  # limit of the run; None: no limit


def watch(
    running: System, stop: StopRequest, asked: Mapping[int, int], began: float, options: Options
) -> int:
    """Show the crawls, print a summary, and return the exit code.

    `asked` maps the id of each job of this demo to the number of requests that earlier runs sent
    for the job. `began` is the monotonic time of the demo's start. Raises PostgresError.
    """
    # Imported late, so that `rich` loads while the processes start.
    from onebox.map_picture import drawing
    from onebox.screen import display, summary

    healthy = is_over = False
    ends = began + 60 * options.minutes if options.minutes else float("inf")
    snapshot: Snapshot | None = None
    view = display.opened()
    try:
        while not (stop.is_asked or is_over):
            is_over = time.monotonic() >= ends
            if not healthy:
                changed = healthy = running.becomes_healthy()
            else:
                changed = running.keep_up()
            if changed and options.ready_file is not None:
                running.write_ready_file(options.ready_file)
            pause = SHOW_SECONDS
            # If the admin-api does not answer, show the previous snapshot with the new notes.
            is_first = snapshot is None
            snapshot = running.poll(list(asked)) or snapshot
            if snapshot is not None:
                # Read the first overview after the jobs were enqueued. An earlier overview would
                # lack the jobs.
                overview = running.database.read_overview(at_once=is_first)
                view.show(snapshot, running.notes(), overview, running.pauses())
                refusals = running.database.pauses.refused if options.once else []
                if options.once and (snapshot.is_finished or refusals):
                    view.close()
                    seconds = time.monotonic() - began
                    picture = drawing.draw(running.api, stop, options.data / MAP_FILE)
                    code = summary.of_crawls(running, snapshot, asked, seconds, picture=picture)
                    for sentence in refusals:
                        click.echo(sentence, err=True)
                    return code
                if healthy and snapshot.is_idle:
                    pause = SHOW_IDLE_SECONDS
            stop.sleep(pause)
    finally:
        view.close()
    click.echo(
        f"The {options.minutes:g} minutes are over. Stopping ..." if is_over else "Stopping ..."
    )
    seconds = time.monotonic() - began
    if not options.once:
        summary.of_run(running, seconds, options.data)
        return 0
    if snapshot is not None:
        summary.of_crawls(running, snapshot, asked, seconds)
    return stop.exit_code if stop.is_asked else 1
