"""`crawlctl schedules`: the group of verbs, and the verbs that read, run and delete."""

from typing import Any

import click

from crawlctl.commands.schedules.edits import create, edit
from crawlctl.commands.schedules.files import export_schedules, import_schedules
from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter, list_options, query_of, write_list
from crawlctl.nouns.group import GROUP
from crawlctl.nouns.job import ENQUEUED
from crawlctl.nouns.schedule import PREVIEW, RUN, SCHEDULE
from crawlctl.requests import change, delete
from crawlctl.session import Session
from crawlctl.shared_options import Noun

PATH = "/api/admin/scheduled-jobs"
_ID = click.argument("schedule_id", type=click.IntRange(min=1))
_FILTERS = (
    Filter("enabled", "Whether the schedule fires.", "flag"),
    Filter("broken", "Whether the scheduler disabled it.", "flag"),
    Filter("subreddit", "The subreddit."),
)


@click.group(cls=Noun)
def schedules() -> None:
    """Crawl subreddits regularly."""


@schedules.command("list")
@list_options(_FILTERS)
@click.pass_obj
def list_schedules(session: Session, /, limit: int, show_all: bool, **filters: Any) -> None:
    """Show schedules."""
    query = query_of(_FILTERS, filters)
    write_list(session, SCHEDULE, PATH, query, limit=limit, show_all=show_all)


@schedules.command()
@_ID
@click.pass_obj
def get(session: Session, schedule_id: int) -> None:
    """Show one schedule."""
    session.writer.item(SCHEDULE, session.client.get(f"{PATH}/{schedule_id}").body)


@schedules.command()
@click.argument("expression")
@click.option("--tz", default="UTC", show_default=True, help="An IANA time zone.")
@click.option("--count", type=click.IntRange(1, 100), default=5, show_default=True, help="Runs.")
@click.pass_obj
def preview(session: Session, expression: str, tz: str, count: int) -> ExitCode:
    """Show the next due times of an expression."""
    body = {"cron_expression": expression, "timezone": tz, "count": count}
    return change(session, PREVIEW, f"{PATH}/preview", body)


def _toggle(name: str, text: str, *, enabled: bool) -> None:
    @schedules.command(name, help=text)
    @_ID
    @click.pass_obj
    def run(session: Session, schedule_id: int) -> ExitCode:
        return change(session, SCHEDULE, f"{PATH}/{schedule_id}/toggle", {"enabled": enabled})


_toggle("enable", "Let a schedule fire.", enabled=True)
_toggle("disable", "Stop a schedule.", enabled=False)


@schedules.command()
@_ID
@click.pass_obj
def run(session: Session, schedule_id: int) -> None:
    """Start a run now."""
    reply = session.client.call("POST", f"{PATH}/{schedule_id}/run")
    session.writer.item(GROUP if reply.status == 202 else ENQUEUED, reply.body)


@schedules.command()
@_ID
@list_options(())
@click.pass_obj
def runs(session: Session, schedule_id: int, limit: int, show_all: bool) -> None:
    """Show the runs of a schedule, the newest first."""
    path = f"{PATH}/{schedule_id}/runs"
    write_list(session, RUN, path, {}, limit=limit, show_all=show_all)


@schedules.command("delete")
@_ID
@click.pass_obj
def delete_schedule(session: Session, schedule_id: int) -> ExitCode:
    """Delete a schedule; its jobs stay."""
    return delete(session, f"{PATH}/{schedule_id}", f"schedule {schedule_id}")


for command in (create, edit, export_schedules, import_schedules):
    schedules.add_command(command)
