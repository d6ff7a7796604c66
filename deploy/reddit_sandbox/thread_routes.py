"""Routes of a post with its comments, and of the comments that a stub replaces."""

import flask

from reddit_sandbox import answers, broken_parts, comment_tree, link_shape, listing_pages, sandbox
from reddit_sandbox.comment_tree import Tree
from reddit_sandbox.community import Comment, Post
from reddit_sandbox.item import Item

blueprint = flask.Blueprint("thread", __name__)

# The limit of comment ids in a request to /api/morechildren. The response has the comments with
# these ids. If the request has fewer ids, the response also has comments below these comments,
# until the limit is reached.
MOST_CHILDREN = 100


@blueprint.get("/comments/<post_id>")
@blueprint.get("/comments/<post_id>/<slug>")
@blueprint.get("/comments/<post_id>/<slug>/<comment_id>")
@blueprint.get("/r/<name>/comments/<post_id>")
@blueprint.get("/r/<name>/comments/<post_id>/<slug>")
@blueprint.get("/r/<name>/comments/<post_id>/<slug>/<comment_id>")
def thread(post_id: str, name: str = "", slug: str = "", comment_id: str = "") -> flask.Response:
    """Return a post and its comments. A comment id selects one comment with its replies."""
    world, args = sandbox.current().world, flask.request.args
    item = _post(post_id, name)
    home, post = item.community, item.what
    assert isinstance(post, Post)  # noqa: S101 - narrows the union
    limit = listing_pages.limit_of(
        args.get("limit"), comment_tree.LIMIT, comment_tree.HIGHEST_LIMIT
    )
    depth = listing_pages.limit_of(args.get("depth"), comment_tree.DEEPEST, comment_tree.DEEPEST)
    tree = Tree(world, home, post.comments, args.get("sort", "confidence"))
    roots = tree.answers.get(-1, [])
    if comment_id:
        roots = [_comment(item, comment_id)]
    failed = broken_parts.tree_failure(home.script, post.number)
    if failed is not None:
        return failed
    if home.script in broken_parts.CUT_TREES and not comment_id:
        limit = min(limit, max(1, len(post.comments) // 2))
    shown = tree.shown(roots, limit, depth)
    link = link_shape.link(world, item, alone=True)
    nested = tree.nested(roots, shown, depth)
    return answers.data([listing_pages.wrap([link]), listing_pages.wrap_replies(nested)])


@blueprint.route("/api/morechildren", methods=["GET", "POST"])
def more_children() -> flask.Response:
    """Return the comments that a stub replaces, and the replies to them, in one flat list."""
    world, args = sandbox.current().world, flask.request.values
    ids = list(dict.fromkeys(each for each in args.get("children", "").split(",") if each))
    if args.get("api_type") != "json" or not ids or len(ids) > MOST_CHILDREN:
        return answers.error(400)
    item = _post(args.get("link_id", "").removeprefix("t3_"), "")
    post = item.what
    assert isinstance(post, Post)  # noqa: S101 - narrows the union
    tree = Tree(world, item.community, post.comments, args.get("sort", "confidence"))
    wanted = [] if item.community.script == "stubs" else _comments(item, ids)
    alone = args.get("limit_children", "").lower() in ("1", "true")
    depth = 1 if alone else comment_tree.DEEPEST
    shown = tree.shown(wanted, max(MOST_CHILDREN, len(wanted)), depth)
    shown |= {each.number for each in wanted}
    levels = {each.number: _level(item, each) for each in wanted}
    things = tree.flat(wanted, shown, levels, depth)
    return answers.data({"json": {"errors": [], "data": {"things": things}}})


def _post(post_id: str, name: str) -> Item:
    """Return the post. Reply 404 if the post does not exist or is not in the named community.

    `enter` is called only once, because each call may count as a request to the community.
    """
    box = sandbox.current()
    home = box.enter(name) if name else None
    item = box.world.resolve(f"t3_{post_id.lower()}")
    if item is None or (home and item.community.name != home.name):
        flask.abort(answers.error(404))
    if home is None:
        box.enter(item.community.name)
    return item


def _comment(item: Item, comment_id: str) -> Comment:
    found = _comments(item, [comment_id.lower()])
    if not found:
        flask.abort(answers.error(404))
    return found[0]


def _comments(item: Item, ids: list[str]) -> list[Comment]:
    """Return the comments with these ids that belong to the post."""
    world = sandbox.current().world
    resolved = [world.resolve(f"t1_{each.removeprefix('t1_')}") for each in ids]
    return [
        each.what
        for each in resolved
        if each and isinstance(each.what, Comment) and each.what.post == item.what.number
        if each.community.name == item.community.name
    ]


def _level(item: Item, each: Comment) -> int:
    level = 0
    while each.parent >= 0:
        each = item.community.comments[each.parent]
        level += 1
    return level
