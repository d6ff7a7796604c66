"""`crawlctl webhooks`: receivers of events, and the deliveries to them."""

from typing import Any

import click

from crawlctl.commands.webhooks.verify import verify
from crawlctl.failures import ExitCode
from crawlctl.list_options import Filter, list_options, query_of, write_list
from crawlctl.nouns.webhook import DELIVERY, PING, REPLAY, SECRET_WEBHOOK, WEBHOOK
from crawlctl.parameters import BEFORE_NOW, PAIR
from crawlctl.requests import change, delete, given
from crawlctl.session import Session
from crawlctl.shared_options import Noun

PATH = "/api/admin/webhooks"
_ID = click.argument("webhook_id", type=click.IntRange(min=1))
_STATE = (Filter("state", "pending, delivered, failed ..."),)


@click.group(cls=Noun)
def webhooks() -> None:
    """Send events to receivers of yours."""


@webhooks.command("list")
@list_options(())
@click.pass_obj
def list_webhooks(session: Session, limit: int, show_all: bool) -> None:
    """Show webhooks."""
    write_list(session, WEBHOOK, PATH, {}, limit=limit, show_all=show_all)


@webhooks.command()
@_ID
@click.pass_obj
def get(session: Session, webhook_id: int) -> None:
    """Show one webhook, without its secret."""
    session.writer.item(WEBHOOK, session.client.get(f"{PATH}/{webhook_id}").body)


@webhooks.command()
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, required=True, help="A type of events; repeatable."
)
@click.option("--description", help="A text for people.")
@click.option(
    "--filter", "pairs", type=PAIR, multiple=True, help="group_id=3, source=user, subreddit=x."
)
@click.pass_obj
def create(
    session: Session,
    url: str,
    events: tuple[str, ...],
    description: str | None,
    pairs: tuple[tuple[str, str], ...],
) -> ExitCode:
    """Create a webhook. The answer has the secret that verifies its requests."""
    chosen = {name: int(text) if text.isdecimal() else text for name, text in pairs}
    body = given(url=url, events=list(events), description=description, filter=chosen or None)
    return change(session, SECRET_WEBHOOK, PATH, body)


@webhooks.command()
@_ID
@click.pass_obj
def test(session: Session, webhook_id: int) -> ExitCode:
    """Send a test event. `webhooks delivery` shows the answer of the receiver."""
    return change(session, PING, f"{PATH}/{webhook_id}/ping")


@webhooks.command()
@_ID
@click.option("--previous-valid-hours", type=click.IntRange(0, 168), help="24 without this option.")
@click.pass_obj
def rotate(session: Session, webhook_id: int, previous_valid_hours: int | None) -> ExitCode:
    """Make a new secret. The previous one stays valid for some hours."""
    body = given(previous_valid_hours=previous_valid_hours)
    return change(session, SECRET_WEBHOOK, f"{PATH}/{webhook_id}/rotate-secret", body)


def _toggle(name: str, text: str) -> None:
    @webhooks.command(name, help=text)
    @_ID
    @click.pass_obj
    def run(session: Session, webhook_id: int) -> ExitCode:
        return change(session, WEBHOOK, f"{PATH}/{webhook_id}/{name}")


_toggle("enable", "Send events again, and the held ones.")
_toggle("disable", "Send no further events.")


@webhooks.command("delete")
@_ID
@click.pass_obj
def delete_webhook(session: Session, webhook_id: int) -> ExitCode:
    """Delete a webhook with its deliveries."""
    return delete(session, f"{PATH}/{webhook_id}", f"webhook {webhook_id}")


@webhooks.command()
@_ID
@list_options(_STATE)
@click.pass_obj
def deliveries(
    session: Session, /, webhook_id: int, limit: int, show_all: bool, **filters: Any
) -> None:
    """Show the deliveries of a webhook, the newest first."""
    query = query_of(_STATE, filters)
    path = f"{PATH}/{webhook_id}/deliveries"
    write_list(session, DELIVERY, path, query, limit=limit, show_all=show_all)


@webhooks.command()
@click.argument("delivery_id", type=click.IntRange(min=1))
@click.pass_obj
def delivery(session: Session, delivery_id: int) -> None:
    """Show one delivery with the answers of the receiver."""
    session.writer.item(DELIVERY, session.client.get(f"{PATH}/deliveries/{delivery_id}").body)


@webhooks.command()
@click.argument("webhook_id", type=click.IntRange(min=1), required=False)
@click.option("--since", type=BEFORE_NOW, help="Deliveries of events after this time, such as 1d.")
@click.option("--all", "replays_all", is_flag=True, help="Also those that were delivered.")
@click.option("--delivery", "delivery_id", type=click.IntRange(min=1), help="Only this delivery.")
@click.pass_obj
def replay(
    session: Session,
    webhook_id: int | None,
    since: str | None,
    replays_all: bool,
    delivery_id: int | None,
) -> ExitCode:
    """Send failed deliveries of a webhook again, or one delivery."""
    if delivery_id is not None:
        return change(session, DELIVERY, f"{PATH}/deliveries/{delivery_id}/replay")
    if webhook_id is None or since is None:
        raise click.UsageError("Give a webhook and --since, or --delivery.")
    body = {"since": since, "only_failed": not replays_all}
    return change(session, REPLAY, f"{PATH}/{webhook_id}/replay", body)


webhooks.add_command(verify)
