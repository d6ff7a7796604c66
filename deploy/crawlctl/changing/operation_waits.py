"""Changes that may concern many rows. Workers make a change of many rows as an operation."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from crawlctl.failures import ExitCode
from crawlctl.nouns.operation import OPERATION
from crawlctl.output.columns import Noun
from crawlctl.rest.reply import Reply
from crawlctl.session import Session
from crawlctl.waiting import poller, timeout_option

OPERATIONS = "/api/admin/operations"
ENDED = frozenset({"succeeded", "failed"})
Command = TypeVar("Command", bound=Callable[..., Any])


def operation_options(command: Command) -> Command:
    """Add the options of a change that may become an operation: --dry-run, --wait, --timeout."""
    for option in (
        timeout_option("How long --wait waits; then the exit code is 8."),
        click.option("--wait", is_flag=True, help="Wait for the operation of a large change."),
        click.option("--dry-run", is_flag=True, help="Show the result, change nothing."),
    ):
        command = option(command)
    return command


def write_change(
    session: Session, noun: Noun, reply: Reply, *, wait: bool, timeout: float
) -> ExitCode:
    """Write the answer to a change. With `wait`, first wait for its operation, if it has one.

    If the status is 202, workers make the change as an operation. The answer is then this
    operation, or has the id of the operation in `operation_id`.
    """
    operation_id = _operation_id(reply)
    if wait and operation_id is not None:
        return await_operation(session, operation_id, timeout)
    if detail := reply.body.get("detail"):
        session.say(detail)
    if operation_id is not None:
        session.say(f"Workers make this change: crawlctl operations wait {operation_id}")
    is_operation = reply.status == 202 and "operation_id" not in reply.body
    session.writer.item(OPERATION if is_operation else noun, reply.body)
    return ExitCode.DONE


def _operation_id(reply: Reply) -> int | None:
    if reply.status != 202:
        return None
    found: int | None = reply.body["operation_id" if "operation_id" in reply.body else "id"]
    return found


def await_operation(session: Session, operation_id: int, seconds: float) -> ExitCode:
    """Wait until the operation has ended, and write it. Returns ENDED_BADLY if it failed."""
    found = poller(session, seconds).until(
        f"{OPERATIONS}/{operation_id}", lambda operation: operation["state"] in ENDED
    )
    session.writer.item(OPERATION, found)
    return ExitCode.DONE if found["state"] == "succeeded" else ExitCode.ENDED_BADLY
