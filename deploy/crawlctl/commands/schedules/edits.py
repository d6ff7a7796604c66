"""`crawlctl schedules create` and `edit`: the fields of a schedule as options or as a file."""

from collections.abc import Callable
from typing import Any

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.schedule import SCHEDULE
from crawlctl.parameters import DURATION
from crawlctl.requests import given, json_of
from crawlctl.session import Session
from crawlctl.shared_options import Verb

PATH = "/api/admin/scheduled-jobs"
_OPTIONS = (
    click.option("--name", help="A unique name."),
    click.option("--subreddit", help="The subreddit to crawl."),
    click.option(
        "--cron", "cron_expression", metavar="EXPR", help="Such as '0 3 * * *', @every 6h."
    ),
    click.option("--tz", "timezone", help="An IANA time zone; UTC for a new schedule."),
    click.option("--description", help="A text for people."),
    click.option("--priority", type=click.IntRange(0, 100), help="20 for a new schedule."),
    click.option("--max-retries", type=click.IntRange(0), help="Attempts after the first one."),
    click.option("--misfire", "misfire_policy", help="fire_once or skip missed due times."),
    click.option("--spread", "spread_seconds", type=DURATION, help="Spread due times over this."),
    click.option("--file", type=click.File(), help="JSON with further fields, such as steps."),
)


def _fields(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _body(file: Any, options: dict[str, Any]) -> dict[str, Any]:
    content = {} if file is None else json_of(file)
    if not isinstance(content, dict):
        raise CommandFailed("The file has no schedule: expected a JSON object.", ExitCode.USAGE)
    fields = given(**options)
    if "spread_seconds" in fields:
        fields["spread_seconds"] = int(fields["spread_seconds"])
    return {**content, **fields}


@click.command(cls=Verb)
@_fields
@click.option("--disabled", is_flag=True, help="Create it without firing.")
@click.pass_obj
def create(session: Session, /, file: Any, disabled: bool, **options: Any) -> ExitCode:
    """Create a schedule."""
    body = _body(file, options)
    if disabled:
        body["enabled"] = False
    reply = session.client.call("POST", PATH, body=body)
    return _written(session, reply.body)


@click.command(cls=Verb)
@click.argument("schedule_id", type=click.IntRange(min=1))
@_fields
@click.pass_obj
def edit(session: Session, /, schedule_id: int, file: Any, **options: Any) -> ExitCode:
    """Change fields of a schedule, unless another person changes it at the same time."""
    body = _body(file, options)
    if not body:
        raise CommandFailed("Name at least one field to change.", ExitCode.USAGE)
    path = f"{PATH}/{schedule_id}"
    etag = session.client.get(path).etag
    reply = session.client.call("PATCH", path, body=body, headers={"If-Match": etag or "*"})
    return _written(session, reply.body)


def _written(session: Session, schedule: dict[str, Any]) -> ExitCode:
    if schedule.get("warning"):
        session.say(f"Warning: {schedule['warning']}")
    session.writer.item(SCHEDULE, schedule)
    return ExitCode.DONE
