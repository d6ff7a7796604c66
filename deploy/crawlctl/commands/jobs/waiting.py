"""`crawlctl jobs wait` and `jobs watch`: wait until jobs are in a final state."""

from collections.abc import Iterator
from typing import Any

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.job import JOB
from crawlctl.parameters import ids
from crawlctl.session import Session
from crawlctl.shared_options import Verb
from crawlctl.waiting import FINAL, JOB_PATH, code_of_jobs, final_jobs, poller, timeout_option

_TIMEOUT = timeout_option("How long to wait; then the exit code is 8.")


@click.command(cls=Verb)
@click.argument("job_ids", nargs=-1, metavar="ID...")
@_TIMEOUT
@click.pass_obj
def wait(session: Session, job_ids: tuple[str, ...], timeout: float) -> ExitCode:
    """Wait until all jobs have ended. The exit code is 9 if one has not succeeded."""
    numbers = ids(job_ids)
    if not numbers:
        raise CommandFailed(
            "Name at least one job by its id, or - for ids on stdin.", ExitCode.USAGE
        )
    seen: list[Any] = []

    def each() -> Iterator[Any]:
        for job in final_jobs(session, numbers, poller(session, timeout)):
            seen.append({"status": job["status"]})
            yield job

    session.writer.items(JOB, each())
    return code_of_jobs(seen)


@click.command(cls=Verb)
@click.argument("job_id", type=click.IntRange(min=1))
@_TIMEOUT
@click.pass_obj
def watch(session: Session, job_id: int, timeout: float) -> ExitCode:
    """Show a job again after each change, until it has ended."""
    last: Any = None

    def changes() -> Iterator[Any]:
        nonlocal last
        for last in poller(session, timeout).changes(f"{JOB_PATH}/{job_id}/overview"):
            yield last
            if last["status"] in FINAL:
                return

    session.writer.items(JOB, changes(), live=True)
    return code_of_jobs([last])
