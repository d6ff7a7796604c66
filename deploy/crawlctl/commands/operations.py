"""`crawlctl operations`: changes of more than 1,000 rows, which workers make in chunks."""

import click

from crawlctl.changing.operation_waits import OPERATIONS, await_operation
from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter
from crawlctl.nouns.operation import OPERATION
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import ID, add_get, add_list
from crawlctl.waiting import timeout_option

_FILTERS = (
    Filter("state", "pending, running, succeeded or failed.", many=True),
    Filter("kind", "The kind of the change."),
)


@click.group(cls=Noun)
def operations() -> None:
    """Show and await large changes.

    Workers make a change of more than 1,000 rows in chunks.
    """


add_list(operations, OPERATION, OPERATIONS, "Show operations, the newest first.", _FILTERS)
add_get(operations, "operation_id", OPERATION, OPERATIONS, "Show one operation with its errors.")


@operations.command()
@click.argument("operation_id", type=ID)
@timeout_option("How long to wait; then the exit code is 8.")
@click.pass_obj
def wait(session: Session, operation_id: int, timeout: float) -> ExitCode:
    """Wait until an operation has ended. The exit code is 9 if it failed."""
    return await_operation(session, operation_id, timeout)
