"""Routes of a community's description, posts and newest comments, and of batches of items."""

from typing import Any

import flask

from reddit_sandbox import (
    answers,
    broken_parts,
    comment_shape,
    hostile,
    link_shape,
    listing_pages,
    naming,
    sandbox,
    subreddit_shape,
)
from reddit_sandbox.community import Community, Post
from reddit_sandbox.item import Item
from reddit_sandbox.world import World

blueprint = flask.Blueprint("listing", __name__)

MOST_NAMES = 100


@blueprint.get("/r/<name>/about")
def about(name: str) -> flask.Response:
    return answers.data(subreddit_shape.about(sandbox.current().enter(name)))


@blueprint.get("/r/<name>")
def front(name: str) -> flask.Response:
    return posts(name, "hot")


@blueprint.get("/r/<name>/<any(new, hot, top, rising, controversial):order>")
def posts(name: str, order: str) -> flask.Response:
    """Return a page of posts.

    The first page of `hot` starts with the pinned posts, which do not count against the limit.
    """
    box, args = sandbox.current(), flask.request.args
    home = box.enter(name)
    found = listing_pages.ordered(box.world.posts(home), order, args.get("t"), box.world.now())
    pinned: list[Post] = []
    if order == "hot":
        pins = link_shape.stickies(home)
        pinned = [post for post in found if post.number in pins]
        found = [post for post in found if post.number not in pins]
    chosen = _page(home, [Item(home, post) for post in found])
    first = not args.get("after") and not args.get("before")
    items = [*(Item(home, post) for post in pinned if first), *chosen.items]
    return _wrapped(home, [link_shape.link(box.world, item) for item in items], chosen.after)


@blueprint.get("/r/<name>/comments")
def comments(name: str) -> flask.Response:
    """Return a page of the community's newest comments."""
    box = sandbox.current()
    home = box.enter(name)
    newest = (Item(home, each) for each in reversed(home.comments[-listing_pages.CAP :]))
    chosen = _page(home, [item for item in newest if box.world.is_listed(item.fullname)])
    shown = [comment_shape.in_listing(box.world, item) for item in chosen.items]
    return _wrapped(home, shown, chosen.after)


@blueprint.get("/api/info")
def info() -> flask.Response:
    """Return the items with the full names in `id`, and the communities named in `sr_name`."""
    box, args = sandbox.current(), flask.request.args
    world = box.world
    names = [each for each in (args.get("id") or "").split(",") if each]
    communities = [each for each in (args.get("sr_name") or "").split(",") if each]
    if len(names) > MOST_NAMES or len(communities) > MOST_NAMES:
        return answers.error(400)
    found = [_by_fullname(world, each) for each in names if each not in box.omissions]
    found += [_by_name(world, each) for each in communities]
    return answers.data(listing_pages.wrap([each for each in found if each is not None]))


@blueprint.get("/subreddits/search")
def search() -> flask.Response:
    """Return an empty listing. A request for a missing community gets a redirect to this route."""
    return answers.data(listing_pages.wrap([]))


def _page(home: Community, items: list[Item]) -> listing_pages.Page:
    args = flask.request.args
    limit = listing_pages.limit_of(args.get("limit"))
    page = listing_pages.page(
        items, limit=limit, after=args.get("after"), before=args.get("before")
    )
    if home.script != "loop":
        return page
    names = [item.fullname for item in items]
    return page._replace(after=broken_parts.cursor(home.script, names, page, limit))


def _wrapped(home: Community, children: list[dict[str, Any]], after: str | None) -> flask.Response:
    if home.script == "hostile":
        children = hostile.strangers(children)
    return answers.data(listing_pages.wrap(children, after=after))


def _by_fullname(world: World, name: str) -> dict[str, Any] | None:
    if name.startswith("t5_"):
        home = world.community_of_id(name.removeprefix("t5_"))
        return subreddit_shape.about(home, in_batch=True) if home else None
    item = world.resolve(name)
    if item is None:
        return None
    if isinstance(item.what, Post):
        return link_shape.link(world, item)
    return comment_shape.comment(world, item)


def _by_name(world: World, name: str) -> dict[str, Any] | None:
    """Return a community's JSON object, or None if the community is missing or banned.

    If the community refuses access, most fields are null.
    """
    script = naming.script(name)
    if not naming.VALID.fullmatch(name) or script in ("banned", "notfound", "missing", "redirect"):
        return None
    home = world.community(name)
    if script in ("private", "forbidden", "gated", "quarantined", "legal"):
        return subreddit_shape.withheld(home)
    return subreddit_shape.about(home, in_batch=True)
