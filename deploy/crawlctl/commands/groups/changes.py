"""`crawlctl groups create | add | clone | seal | cancel ...`: changes of groups and steps."""

from collections.abc import Callable
from typing import Any

import click

from crawlctl.changing.operation_waits import operation_options, write_change
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.group import GROUP, GROUP_CHANGE, STEP
from crawlctl.requests import change, given, json_of, path_of
from crawlctl.session import Session
from crawlctl.shared_options import Verb
from crawlctl.standard_verbs import ID
from crawlctl.waiting import GROUP_PATH

_GROUP = click.argument("group_id", type=ID)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the result, change nothing.")
_FILE = click.option(
    "--file",
    type=click.File(),
    required=True,
    help="JSON: the group, or a list of steps; - is stdin.",
)


def _steps_of(content: Any) -> list[Any]:
    steps = content.get("steps") if isinstance(content, dict) else content
    if not isinstance(steps, list):
        raise CommandFailed(
            'The file has no steps: expected {"steps": [{"subreddit": ...}]} or a list of steps.',
            ExitCode.USAGE,
        )
    return [{"subreddit": step} if isinstance(step, str) else step for step in steps]


@click.command(cls=Verb)
@_FILE
@click.option("--name", help="A name, which need not be unique.")
@click.option("--open", "is_open", is_flag=True, help="Accept further steps until it is sealed.")
@click.pass_obj
def create(session: Session, file: Any, name: str | None, is_open: bool) -> ExitCode:
    """Create a group of the steps in a file."""
    content = json_of(file)
    whole = dict(content) if isinstance(content, dict) else {}
    whole |= {"steps": _steps_of(content), **given(name=name)}
    if is_open:
        whole["sealed"] = False
    return change(session, GROUP, GROUP_PATH, whole)


@click.command(cls=Verb)
@_GROUP
@_FILE
@click.pass_obj
def add(session: Session, group_id: int, file: Any) -> ExitCode:
    """Add steps to a group that is not sealed."""
    steps = _steps_of(json_of(file))
    return change(session, GROUP, f"{GROUP_PATH}/{group_id}/steps", {"steps": steps})


@click.command(cls=Verb)
@_GROUP
@click.option("--name", help="The name of the copy.")
@click.pass_obj
def clone(session: Session, group_id: int, name: str | None) -> ExitCode:
    """Create a group with the steps of another group."""
    return change(session, GROUP, f"{GROUP_PATH}/{group_id}/clone", given(name=name))


def _lifecycle(name: str, text: str) -> click.Command:
    @click.command(name, cls=Verb, help=text)
    @_GROUP
    @_DRY_RUN
    @click.pass_obj
    def run(session: Session, group_id: int, dry_run: bool) -> ExitCode:
        return change(session, GROUP, f"{GROUP_PATH}/{group_id}/{name}", {"dry_run": dry_run})

    return run


def _held(name: str, text: str) -> click.Command:
    @click.command(name, cls=Verb, help=text)
    @_GROUP
    @click.argument("key")
    @_DRY_RUN
    @click.pass_obj
    def run(session: Session, group_id: int, key: str, dry_run: bool) -> ExitCode:
        path = path_of(GROUP_PATH, group_id, "steps", key, name)
        return change(session, STEP, path, {"dry_run": dry_run})

    return run


def _batch(name: str, text: str, *options: Callable[..., Any]) -> click.Command:
    """Return a command that changes all steps of a group.

    The command has the given `options`. It sends the values of these options in the body.
    """

    @click.command(name, cls=Verb, help=text)
    @_GROUP
    @operation_options
    @click.pass_obj
    def run(
        session: Session, /, group_id: int, wait: bool, timeout: float, **body: Any
    ) -> ExitCode:
        reply = session.client.call("POST", f"{GROUP_PATH}/{group_id}/{name}", body=body)
        return write_change(session, GROUP_CHANGE, reply, wait=wait, timeout=timeout)

    for option in options:
        option(run)
    return run


_POINTS = click.option(
    "--by", "boost", type=click.IntRange(1, 100), required=True, help="Points to add."
)
CHANGES = (
    create,
    add,
    clone,
    _lifecycle("seal", "Accept no further steps."),
    _lifecycle("pause", "Start no pending step until the group is resumed."),
    _lifecycle("resume", "Start pending steps again."),
    _batch("cancel", "Cancel the waiting steps, and the jobs that no other request shares."),
    _batch(
        "retry-failed",
        "Retry the jobs of failed steps, and open the steps that were skipped for them.",
    ),
    _batch("boost", "Raise the priority of live jobs and of waiting steps.", _POINTS),
    _held("proceed", "Start a held step."),
    _held("skip", "Skip a held step."),
)
