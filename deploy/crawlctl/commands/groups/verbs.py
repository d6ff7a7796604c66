"""`crawlctl groups`: the command group, and the commands that only read."""

import click

from crawlctl.commands.groups.changes import CHANGES
from crawlctl.commands.groups.graph import graph
from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter
from crawlctl.nouns.group import GROUP, STEP, STEP_EXPLANATION
from crawlctl.requests import path_of
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import ID, add_delete, add_get, add_list, add_list_of_object
from crawlctl.waiting import GROUP_PATH, final_group, poller, timeout_option

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
    """Handle groups, which are sets of crawls that may wait for other crawls."""


add_list(groups, GROUP, GROUP_PATH, "Show groups, the newest first.", _FILTERS)
add_get(groups, "group_id", GROUP, GROUP_PATH, "Show the progress of one group.")
add_list_of_object(
    groups, "steps", "group_id", STEP, GROUP_PATH, "Show the steps of a group.", _STEP_FILTERS
)
add_delete(groups, "group_id", GROUP_PATH, "Delete a finished group; its jobs stay.")


@groups.command()
@click.argument("group_id", type=ID)
@click.argument("key")
@click.pass_obj
def explain(session: Session, group_id: int, key: str) -> None:
    """Show why a step has its state, down to the root causes."""
    path = path_of(GROUP_PATH, group_id, "steps", key, "explain")
    session.writer.item(STEP_EXPLANATION, session.client.get(path).body)


@groups.command()
@click.argument("group_id", type=ID)
@timeout_option("How long to wait; then the exit code is 8.")
@click.pass_obj
def wait(session: Session, group_id: int, timeout: float) -> ExitCode:
    """Wait until a group finishes. The exit code is 9 unless all its steps succeeded."""
    finished, code = final_group(poller(session, timeout), group_id)
    session.writer.item(GROUP, finished)
    return code


for command in (*CHANGES, graph):
    groups.add_command(command)
