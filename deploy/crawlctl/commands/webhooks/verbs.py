"""`crawlctl webhooks`: receivers of events, and the deliveries to them."""

import click

from crawlctl.commands.webhooks.deliveries import PATH, add_deliveries
from crawlctl.commands.webhooks.verify import verify
from crawlctl.failures import ExitCode
from crawlctl.nouns.webhook import PING, SECRET_WEBHOOK, WEBHOOK
from crawlctl.parameters import PAIR
from crawlctl.requests import change, given
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import ID, add_delete, add_get, add_list

_ID = click.argument("webhook_id", type=ID)


@click.group(cls=Noun)
def webhooks() -> None:
    """Send events to your own servers."""


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
    """Create a webhook. With the secret in the answer, the receiver verifies requests."""
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


add_list(webhooks, WEBHOOK, PATH, "Show webhooks.")
add_get(webhooks, "webhook_id", WEBHOOK, PATH, "Show one webhook, without its secret.")
add_delete(webhooks, "webhook_id", PATH, "Delete a webhook with its deliveries.")
add_deliveries(webhooks)
webhooks.add_command(verify)
