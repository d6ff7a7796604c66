"""Routes of an author's description and of an author's history."""

import flask

from reddit_sandbox import account_shape, answers, comment_shape, link_shape, listing_pages, sandbox
from reddit_sandbox.community import Post
from reddit_sandbox.item import Item
from reddit_sandbox.made_up_authors import Author, Standing
from reddit_sandbox.world import World

blueprint = flask.Blueprint("user", __name__)


@blueprint.get("/user/<name>/about")
def about(name: str) -> flask.Response:
    return answers.data(account_shape.account(_author(name)))


@blueprint.get("/user/<name>")
def front(name: str) -> flask.Response:
    return history(name, "overview")


@blueprint.get("/user/<name>/<any(overview, submitted, comments):what>")
def history(name: str, what: str) -> flask.Response:
    """Return a page of the author's items, newest first unless the request sorts by top or hot.

    If the author hides the history, the page is empty.
    """
    author, args = _author(name), flask.request.args
    if author.standing is Standing.SUSPENDED:
        return answers.error(403)
    if author.standing is Standing.HIDDEN:
        return answers.data(listing_pages.wrap([]))
    world = sandbox.current().world
    items = world.history(
        author.number,
        posts=what != "comments",
        comments=what != "submitted",
        limit=listing_pages.CAP,
    )
    if args.get("sort") in ("top", "hot"):
        items.sort(key=lambda item: -item.what.score)
    limit = listing_pages.limit_of(args.get("limit"))
    page = listing_pages.page(
        items, limit=limit, after=args.get("after"), before=args.get("before")
    )
    shown = [_shown(world, item) for item in page.items]
    return answers.data(listing_pages.wrap(shown, after=page.after))


def _shown(world: World, item: Item) -> dict[str, object]:
    if isinstance(item.what, Post):
        return link_shape.link(world, item)
    return comment_shape.in_listing(world, item)


def _author(name: str) -> Author:
    """Return the author. Reply 404 for an unknown or deleted account."""
    author = sandbox.current().world.authors.named(name)
    if author is None or author.standing is Standing.GONE:
        flask.abort(answers.error(404))
    return author
