"""`crawlctl subreddits`: the known subreddits, their gaps, and crawls of them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from crawlctl.changing.erasing import add_erase
from crawlctl.failures import CommandFailed, ExitCode
from crawlctl.list_options import Filter, list_options, write_list
from crawlctl.nouns.job import ENQUEUED
from crawlctl.nouns.subreddit import MISSING, SUBREDDIT
from crawlctl.parameters import DURATION, SUBREDDIT_NAME, words
from crawlctl.requests import change, given, path_of
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import add_get, add_list

PATH, CONTENT_PATH = "/api/admin/subreddits", "/api/subreddits"
_FILTERS = (
    Filter("access", "The access state: public, private, banned ..."),
    Filter("name_contains", "A part of the name."),
    Filter("incomplete", "Whether parts are missing.", "flag"),
    Filter("crawled_before", "Without a crawl since this time, such as 30d.", "time"),
)
STALE_SECONDS = 30 * 86_400.0


@click.group(cls=Noun)
def subreddits() -> None:
    """Show subreddits, and crawl them."""


add_list(subreddits, SUBREDDIT, PATH, "Show subreddits.", _FILTERS)
add_get(
    subreddits,
    "name",
    SUBREDDIT,
    PATH,
    "Show one subreddit with its newest jobs.",
    kind=SUBREDDIT_NAME,
)


@subreddits.command()
@click.option(
    "--older",
    type=DURATION,
    default=STALE_SECONDS,
    help="The least time since the last crawl; 30d without this option.",
)
@list_options(())
@click.pass_obj
def stale(session: Session, older: float, limit: int, show_all: bool) -> None:
    """Show subreddits without a crawl for some time, and subreddits that were never crawled."""
    since = datetime.now(UTC) - timedelta(seconds=older)
    query = {"crawled_before": since.isoformat()}
    write_list(session, SUBREDDIT, PATH, query, limit=limit, show_all=show_all)


@subreddits.command()
@click.argument("name", type=SUBREDDIT_NAME)
@click.pass_obj
def gaps(session: Session, name: str) -> None:
    """Show the missing parts of a subreddit, and the gaps in its listings."""
    found = session.client.get(path_of(PATH, name)).body

    def parts() -> Iterator[Mapping[str, Any]]:
        for part in found["missing"]:
            yield {"part": "missing", **part}
        for gap in found["gap_ranges"]:
            yield {"part": "gap", "kind": gap["listing"], "item": gap["from_item"], **gap}

    if session.writer.items(MISSING, parts()) == 0:
        session.say("Nothing is missing.")


@subreddits.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--priority", type=click.IntRange(0, 100), help="60 without this option.")
@click.option("--max-retries", type=click.IntRange(0), help="Attempts after the first one.")
@click.pass_obj
def crawl(
    session: Session, names: tuple[str, ...], priority: int | None, max_retries: int | None
) -> None:
    """Enqueue crawls of known subreddits."""
    found = [SUBREDDIT_NAME.convert(name, None, None) for name in words(names)]
    if not found:
        raise CommandFailed("Name at least one subreddit.", ExitCode.USAGE)
    body = given(priority=priority, max_retries=max_retries)

    def answers() -> Iterator[Mapping[str, Any]]:
        for name in found:
            yield session.client.call("POST", path_of(PATH, name, "enqueue"), body=body).body

    session.writer.items(ENQUEUED, answers())


add_erase(
    subreddits,
    SUBREDDIT_NAME,
    CONTENT_PATH,
    "Delete the posts, comments, activity and links of a subreddit.\n\n"
    "Needs the scope erase. The subreddit, its jobs and its schedules stay, so its next crawl "
    "begins at the start.",
    "content",
)


@subreddits.command("set")
@click.argument("name", type=SUBREDDIT_NAME)
@click.option("--request-gap", metavar="SECONDS|default", help="Between two requests of a crawl.")
@click.option("--crawl-gap", metavar="DURATION|default", help="Between two crawls.")
@click.pass_obj
def set_gaps(
    session: Session, name: str, request_gap: str | None, crawl_gap: str | None
) -> ExitCode:
    """Set the least time between requests, and between crawls, of a subreddit."""
    body: dict[str, float | None] = {}
    for field, text in (
        ("min_request_gap_seconds", request_gap),
        ("min_crawl_gap_seconds", crawl_gap),
    ):
        if text is not None:
            body[field] = None if text == "default" else DURATION.convert(text, None, None)
    if not body:
        raise CommandFailed("Give --request-gap or --crawl-gap.", ExitCode.USAGE)
    return change(session, SUBREDDIT, path_of(PATH, name), body, method="PATCH")
