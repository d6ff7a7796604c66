"""`crawlctl queue`: pauses of all crawls or of one subreddit."""

import click

from crawlctl.failures import ExitCode
from crawlctl.nouns.subreddit import PAUSE
from crawlctl.parameters import AFTER_NOW
from crawlctl.requests import change, given
from crawlctl.session import Session
from crawlctl.shared_options import Noun

PATH = "/api/admin/queue"


@click.group(cls=Noun)
def queue() -> None:
    """Pause all crawls, or the crawls of one subreddit."""


@queue.command()
@click.option("--subreddit", help="Only this subreddit; without it, all crawls.")
@click.option("--reason", required=True, help="The reason, for other people.")
@click.option("--until", type=AFTER_NOW, help="The end, such as 2h; without it, until a resume.")
@click.pass_obj
def pause(session: Session, subreddit: str | None, reason: str, until: str | None) -> ExitCode:
    """Start no further crawl. Crawls that have begun go on."""
    body = given(subreddit=subreddit, reason=reason, until=until)
    return change(session, PAUSE, f"{PATH}/pause", body)


@queue.command()
@click.option("--subreddit", help="The pause of this subreddit; without it, that of all crawls.")
@click.pass_obj
def resume(session: Session, subreddit: str | None) -> ExitCode:
    """End a pause."""
    return change(session, PAUSE, f"{PATH}/resume", given(subreddit=subreddit))


@queue.command()
@click.pass_obj
def pauses(session: Session) -> None:
    """Show the pauses."""
    if session.writer.items(PAUSE, session.client.get(f"{PATH}/pauses").body["items"]) == 0:
        session.say("Nothing is paused.")
