"""`crawlctl authors`: stored Reddit accounts."""

from typing import Any

import click

from crawlctl.changing.erasing import erase
from crawlctl.changing.operation_waits import operation_options
from crawlctl.failures import ExitCode
from crawlctl.nouns.content import AUTHOR
from crawlctl.parameters import AUTHOR_NAME
from crawlctl.requests import path_of
from crawlctl.session import Session
from crawlctl.shared_options import Noun
from crawlctl.standard_verbs import add_get

PATH = "/api/authors"


@click.group(cls=Noun)
def authors() -> None:
    """Show and erase stored Reddit accounts."""


add_get(
    authors,
    "name",
    AUTHOR,
    PATH,
    "Show an author with the activity by subreddit. Needs the scope content.",
    kind=AUTHOR_NAME,
)


@authors.command("erase")
@click.argument("name", type=AUTHOR_NAME)
@click.option("--yes", is_flag=True, help="Do not ask.")
@operation_options
@click.pass_obj
def erase_author(session: Session, /, name: str, **options: Any) -> ExitCode:
    """Delete an author's texts and name, and never store the author again.

    Needs the scope erase. An author who is not stored is blocked too.
    """
    return erase(session, path_of(PATH, name), name, **options)
