"""`crawlctl operations`: changes of more than 1,000 rows, which workers make in chunks."""

from typing import Any

import click

from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter, list_options, query_of, write_list
from crawlctl.nouns.operation import OPERATION
from crawlctl.parameters import DURATION
from crawlctl.requests import OPERATIONS, await_operation
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.waiting import DEFAULT_SECONDS

_FILTERS = (
    Filter("state", "pending, running, succeeded or failed.", many=True),
    Filter("kind", "The kind of the change."),
)


@click.group(cls=Noun)
def operations() -> None:
    """Show and await large changes.

    Workers make a change of more than 1,000 rows in chunks.
    """


@operations.command("list")
@list_options(_FILTERS)
@click.pass_obj
def list_operations(session: Session, /, limit: int, show_all: bool, **filters: Any) -> None:
    """Show operations, the newest first."""
    query = query_of(_FILTERS, filters)
    write_list(session, OPERATION, OPERATIONS, query, limit=limit, show_all=show_all)


@operations.command()
@click.argument("operation_id", type=click.IntRange(min=1))
@click.pass_obj
def get(session: Session, operation_id: int) -> None:
    """Show one operation with its errors."""
    session.writer.item(OPERATION, session.client.get(f"{OPERATIONS}/{operation_id}").body)


@operations.command()
@click.argument("operation_id", type=click.IntRange(min=1))
@click.option(
    "--timeout", type=DURATION, default=DEFAULT_SECONDS, show_default="1h", help="How long."
)
@click.pass_obj
def wait(session: Session, operation_id: int, timeout: float) -> ExitCode:
    """Wait until an operation has ended. The exit code is 9 if it failed."""
    return await_operation(session, operation_id, timeout)
