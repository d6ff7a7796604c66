"""`crawlctl webhooks deliveries | delivery | replay | send-now`: the deliveries of events."""

import click

from crawlctl.changing.operation_waits import operation_options, write_change
from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter
from crawlctl.nouns.webhook import DELIVERY, REPLAY
from crawlctl.parameters import BEFORE_NOW
from crawlctl.requests import change
from crawlctl.session import Session
from crawlctl.shared_options import Verb
from crawlctl.standard_verbs import ID, add_get, add_list_of_object

PATH = "/api/admin/webhooks"
_DELIVERIES = f"{PATH}/deliveries"
_STATE = (Filter("state", "pending, held, delivered, failed or dropped."),)


@click.command(cls=Verb)
@click.argument("webhook_id", type=ID, required=False)
@click.option("--since", type=BEFORE_NOW, help="Deliveries of events after this time, such as 1d.")
@click.option("--all", "replays_all", is_flag=True, help="Also those that were delivered.")
@click.option("--delivery", "delivery_id", type=ID, help="Only this delivery.")
@operation_options
@click.pass_obj
def replay(
    session: Session,
    webhook_id: int | None,
    since: str | None,
    replays_all: bool,
    delivery_id: int | None,
    dry_run: bool,
    wait: bool,
    timeout: float,
) -> ExitCode:
    """Send the failed deliveries of a webhook again, or one delivery. --dry-run counts them."""
    if delivery_id is not None:
        if webhook_id is not None or since is not None or dry_run:
            raise click.UsageError("--delivery takes no webhook, no --since and no --dry-run.")
        return change(session, DELIVERY, f"{_DELIVERIES}/{delivery_id}/replay")
    if webhook_id is None or since is None:
        raise click.UsageError("Give a webhook and --since, or --delivery.")
    body = {"since": since, "only_failed": not replays_all, "dry_run": dry_run}
    reply = session.client.call("POST", f"{PATH}/{webhook_id}/replay", body=body)
    return write_change(session, REPLAY, reply, wait=wait, timeout=timeout)


@click.command("send-now", cls=Verb)
@click.argument("delivery_id", type=ID)
@click.pass_obj
def send_now(session: Session, delivery_id: int) -> ExitCode:
    """Attempt a pending delivery now, without the rest of its delay."""
    return change(session, DELIVERY, f"{_DELIVERIES}/{delivery_id}/send-now")


def add_deliveries(webhooks: click.Group) -> None:
    """Add the commands about deliveries to the command group `webhooks`."""
    add_list_of_object(
        webhooks,
        "deliveries",
        "webhook_id",
        DELIVERY,
        PATH,
        "Show the deliveries of a webhook, the newest first.",
        _STATE,
    )
    add_get(
        webhooks,
        "delivery_id",
        DELIVERY,
        _DELIVERIES,
        "Show one delivery with the answers of the receiver.",
        name="delivery",
    )
    for command in (replay, send_now):
        webhooks.add_command(command)
