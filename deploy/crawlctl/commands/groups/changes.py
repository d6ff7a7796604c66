"""`crawlctl groups create | add | clone | seal | cancel ...`: changes of groups and steps."""

from collections.abc import Callable
from typing import Any

import click

from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.nouns.group import GROUP, GROUP_CHANGE, STEP
from crawlctl.nouns.operation import OPERATION
from crawlctl.parameters import DURATION
from crawlctl.requests import await_operation, change, delete, given, json_of, path_of
from crawlctl.session import Session
from crawlctl.shared_options import Verb
from crawlctl.waiting import DEFAULT_SECONDS, GROUP_PATH

_GROUP = click.argument("group_id", type=click.IntRange(min=1))
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
    """Create a group with the same steps."""
    return change(session, GROUP, f"{GROUP_PATH}/{group_id}/clone", given(name=name))


@click.command("delete", cls=Verb)
@_GROUP
@click.pass_obj
def delete_group(session: Session, group_id: int) -> ExitCode:
    """Delete a finished group; its jobs stay."""
    return delete(session, f"{GROUP_PATH}/{group_id}", f"group {group_id}")


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


def _waits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a change that may become an operation."""
    for option in (
        click.option(
            "--timeout",
            type=DURATION,
            default=DEFAULT_SECONDS,
            show_default="1h",
            help="How long --wait waits.",
        ),
        click.option("--wait", is_flag=True, help="Wait for the operation of a large group."),
        _DRY_RUN,
    ):
        command = option(command)
    return command


def _batch(
    session: Session, group_id: int, verb: str, body: dict[str, Any], seconds: float | None
) -> ExitCode:
    reply = session.client.call("POST", f"{GROUP_PATH}/{group_id}/{verb}", body=body)
    if reply.status != 202:
        if reply.body["detail"]:
            session.say(reply.body["detail"])
        session.writer.item(GROUP_CHANGE, reply.body)
        return ExitCode.DONE
    if seconds is None:
        session.say("Workers make this change: see `crawlctl operations wait ID`.")
        session.writer.item(OPERATION, reply.body)
        return ExitCode.DONE
    return await_operation(session, reply.body["id"], seconds)


@click.command(cls=Verb)
@_GROUP
@_waits
@click.pass_obj
def cancel(session: Session, group_id: int, dry_run: bool, wait: bool, timeout: float) -> ExitCode:
    """Cancel the waiting steps, and the jobs that no other request shares."""
    body = {"dry_run": dry_run}
    return _batch(session, group_id, "cancel", body, timeout if wait else None)


@click.command("retry-failed", cls=Verb)
@_GROUP
@_waits
@click.pass_obj
def retry_failed(
    session: Session, group_id: int, dry_run: bool, wait: bool, timeout: float
) -> ExitCode:
    """Retry the jobs of failed steps, and open the steps that were skipped for them."""
    body = {"dry_run": dry_run}
    return _batch(session, group_id, "retry-failed", body, timeout if wait else None)


@click.command(cls=Verb)
@_GROUP
@click.option("--by", "points", type=click.IntRange(1, 100), required=True, help="Points to add.")
@_waits
@click.pass_obj
def boost(
    session: Session, group_id: int, points: int, dry_run: bool, wait: bool, timeout: float
) -> ExitCode:
    """Raise the priority of live jobs and of waiting steps."""
    body = {"boost": points, "dry_run": dry_run}
    return _batch(session, group_id, "boost", body, timeout if wait else None)


CHANGES = (
    create,
    add,
    clone,
    _lifecycle("seal", "Accept no further steps."),
    _lifecycle("pause", "Start no pending step until the group is resumed."),
    _lifecycle("resume", "Start pending steps again."),
    cancel,
    retry_failed,
    boost,
    _held("proceed", "Start a held step."),
    _held("skip", "Skip a held step."),
    delete_group,
)
