"""`crawlctl schedules`: the command group, and the commands that read, run and delete."""

import click

from crawlctl.commands.schedules.edits import create, edit
from crawlctl.commands.schedules.files import export_schedules, import_schedules
from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter
from crawlctl.nouns.group import GROUP
from crawlctl.nouns.job import ENQUEUED
from crawlctl.nouns.schedule import PREVIEW, RUN, SCHEDULE
from crawlctl.requests import change
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import ID, add_delete, add_get, add_list, add_list_of_object

PATH = "/api/admin/scheduled-jobs"
_ID = click.argument("schedule_id", type=ID)
_FILTERS = (
    Filter("enabled", "Whether the schedule fires.", "flag"),
    Filter("broken", "Whether the scheduler disabled it.", "flag"),
    Filter("subreddit", "The subreddit."),
)


@click.group(cls=Noun)
def schedules() -> None:
    """Crawl subreddits regularly."""


add_list(schedules, SCHEDULE, PATH, "Show schedules.", _FILTERS)
add_get(schedules, "schedule_id", SCHEDULE, PATH, "Show one schedule.")
add_list_of_object(
    schedules, "runs", "schedule_id", RUN, PATH, "Show the runs of a schedule, the newest first."
)
add_delete(schedules, "schedule_id", PATH, "Delete a schedule; its jobs stay.")


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


for command in (create, edit, export_schedules, import_schedules):
    schedules.add_command(command)
