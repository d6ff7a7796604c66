"""`crawlctl authors`: stored Reddit accounts."""

import click

from crawlctl.changing.erasing import add_erase
from crawlctl.nouns.content import AUTHOR
from crawlctl.parameters import AUTHOR_NAME
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
add_erase(
    authors,
    AUTHOR_NAME,
    PATH,
    "Delete an author's texts and name, and never store the author again.\n\n"
    "Needs the scope erase. An author who is not stored is blocked too.",
)
