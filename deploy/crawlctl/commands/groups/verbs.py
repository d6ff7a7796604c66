"""`crawlctl groups`: the group of verbs, and the verbs that only read."""

from typing import Any

import click

from crawlctl.commands.groups.changes import CHANGES
from crawlctl.commands.groups.graph import graph
from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter, list_options, query_of, write_list
from crawlctl.nouns.group import GROUP, STEP, STEP_EXPLANATION
from crawlctl.parameters import DURATION
from crawlctl.requests import path_of
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.waiting import DEFAULT_SECONDS, GROUP_PATH, final_group, poller

_FILTERS = (
    Filter("name", "The whole name."),
    Filter("state", "open, paused, finished, or the outcome of a finished group."),
    Filter("subreddit", "A subreddit of a step."),
    Filter("schedule_id", "The schedule that created the group.", "number"),
)
_STEP_FILTERS = (
    Filter("state", "pending, enqueued, held, failed ...", many=True),
    Filter("subreddit", "The subreddit of the step."),
)


@click.group(cls=Noun)
def groups() -> None:
    """Handle sets of crawls that wait for others."""


@groups.command("list")
@list_options(_FILTERS)
@click.pass_obj
def list_groups(session: Session, /, limit: int, show_all: bool, **filters: Any) -> None:
    """Show groups, the newest first."""
    query = query_of(_FILTERS, filters)
    write_list(session, GROUP, GROUP_PATH, query, limit=limit, show_all=show_all)


@groups.command()
@click.argument("group_id", type=click.IntRange(min=1))
@click.pass_obj
def get(session: Session, group_id: int) -> None:
    """Show the progress of one group."""
    session.writer.item(GROUP, session.client.get(f"{GROUP_PATH}/{group_id}").body)


@groups.command()
@click.argument("group_id", type=click.IntRange(min=1))
@list_options(_STEP_FILTERS)
@click.pass_obj
def steps(session: Session, /, group_id: int, limit: int, show_all: bool, **filters: Any) -> None:
    """Show the steps of a group."""
    query = query_of(_STEP_FILTERS, filters)
    path = f"{GROUP_PATH}/{group_id}/steps"
    write_list(session, STEP, path, query, limit=limit, show_all=show_all)


@groups.command()
@click.argument("group_id", type=click.IntRange(min=1))
@click.argument("key")
@click.pass_obj
def explain(session: Session, group_id: int, key: str) -> None:
    """Show why a step has its state, down to the root causes."""
    path = path_of(GROUP_PATH, group_id, "steps", key, "explain")
    session.writer.item(STEP_EXPLANATION, session.client.get(path).body)


@groups.command()
@click.argument("group_id", type=click.IntRange(min=1))
@click.option(
    "--timeout", type=DURATION, default=DEFAULT_SECONDS, show_default="1h", help="How long."
)
@click.pass_obj
def wait(session: Session, group_id: int, timeout: float) -> ExitCode:
    """Wait until a group finishes. The exit code is 9 unless all its steps succeeded."""
    finished, code = final_group(poller(session, timeout), group_id)
    session.writer.item(GROUP, finished)
    return code


for command in (*CHANGES, graph):
    groups.add_command(command)
