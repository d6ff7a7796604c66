"""Print the results of a run of the demo at its end."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click

from onebox.crawl_progress import Snapshot
from onebox.demo_errors import PostgresError
from onebox.screen import display
from onebox.system import System

GUIDE = "docs/first-hour.md"


def of_crawls(
    running: System,
    snapshot: Snapshot,
    asked: Mapping[int, int],
    seconds: float,
    *,
    picture: str = "",
) -> int:
    """Print a table, sentences and a line of JSON. Return 0 if all jobs succeeded, else 1.

    `asked` maps the id of each job of this demo to the number of requests that earlier runs sent
    for the job. `picture` is a sentence about the picture of the map. Raises PostgresError.
    """
    states = snapshot.by_state()
    requests = sum(max(0, job.requests - asked[job.id]) for job in snapshot.asked)
    stored = running.database.count_rows()
    display.print_table(snapshot.asked)
    click.echo(
        f"This run sent {requests:,} requests in {seconds:.1f} s for the crawls in the table."
    )
    click.echo(f"The database now holds, of all runs: {_listed(stored)}.")
    if picture:
        click.echo(picture)
    result = {"jobs": states, **stored, "requests": requests, "seconds": round(seconds, 2)}
    click.echo(json.dumps(result))
    return 0 if set(states) == {"succeeded"} else 1


def of_run(running: System, seconds: float, data: Path) -> None:
    """Print the jobs and requests of this run, and the number of rows in the database.

    Prints nothing if the totals are unknown, because the database has not answered.
    """
    now = running.database.read_overview(at_once=True)
    before = running.database.overview.first
    if before is None or now is None:
        return
    ended = {status: jobs - before.finished.get(status, 0) for status, jobs in now.finished.items()}
    results = ", ".join(f"{jobs:,} {status}" for status, jobs in sorted(ended.items()) if jobs)
    duration = str(timedelta(seconds=int(seconds)))
    click.echo(
        f"This run took {duration} and sent {now.requests:,} requests. "
        f"Finished jobs: {results or 'none'}."
    )
    if live := sum(now.live.values()):
        click.echo(f"Unfinished jobs: {live:,}. The next start continues them.")
    try:
        click.echo(
            f"The database now holds, of all runs: {_listed(running.database.count_rows())}."
        )
    except PostgresError as error:
        click.echo(str(error))
    click.echo(f"The data stays in {data}. {GUIDE} describes how to query, export and delete it.")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
