"""`crawlctl jobs`: the command group, and the commands that only read."""

from typing import Any

import click

from crawlctl.commands.jobs.changes import CHANGES
from crawlctl.commands.jobs.enqueue import enqueue
from crawlctl.commands.jobs.waiting import wait, watch
from crawlctl.job_filters import JOB_FILTERS
from crawlctl.list_options import list_options, query_of, write_list
from crawlctl.nouns.job import EXPLANATION, JOB
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import add_get

PATH = "/api/admin/jobs"


@click.group(cls=Noun)
def jobs() -> None:
    """List, enqueue, change and await jobs. A job is the crawl of one subreddit."""


@jobs.command("list")
@list_options(JOB_FILTERS)
@click.option("--sort", metavar="ORDER", help="-created_at (the default), -priority, visible_at.")
@click.pass_obj
def list_jobs(
    session: Session, /, limit: int, show_all: bool, sort: str | None, **filters: Any
) -> None:
    """Show jobs, the newest first."""
    query = query_of(JOB_FILTERS, filters) | ({"sort": sort} if sort else {})
    write_list(session, JOB, PATH, query, limit=limit, show_all=show_all)


add_get(jobs, "job_id", JOB, PATH, "Show one job with its attempts, missing parts and changes.")


@jobs.command()
@click.argument("job_id", type=click.IntRange(min=1))
@click.pass_obj
def explain(session: Session, job_id: int) -> None:
    """Show why a job runs, or why it does not run yet."""
    session.writer.item(EXPLANATION, session.client.get(f"{PATH}/{job_id}/explain").body)


for command in (enqueue, wait, watch, *CHANGES):
    jobs.add_command(command)
