"""Build the JSON objects of a comment (kind `t1`) and of a stub for comments (kind `more`)."""

from collections.abc import Sequence
from typing import Any

from reddit_sandbox import community as community_module
from reddit_sandbox import hostile, identity, keys, link_shape, media, takedown, writing
from reddit_sandbox.community import Community
from reddit_sandbox.item import Item
from reddit_sandbox.world import World

_NONES = (
    "approved_at_utc approved_by associated_award banned_at_utc banned_by "
    "collapsed_because_crowd_control collapsed_reason collapsed_reason_code comment_type "
    "distinguished likes mod_note mod_reason_by mod_reason_title num_reports removal_reason "
    "report_reasons top_awarded_type unrepliable_reason"
)
_FALSES = (
    "archived can_gild can_mod_post collapsed edited is_submitter locked no_follow saved "
    "score_hidden stickied"
)
_LISTS = "all_awardings awarders mod_reports treatment_tags user_reports"
_CONSTANT: dict[str, Any] = {
    **dict.fromkeys(_NONES.split()),
    **dict.fromkeys(_FALSES.split(), False),
    "controversiality": 0,
    "downs": 0,
    "gilded": 0,
    "send_replies": True,
    "subreddit_type": "public",
    "total_awards_received": 0,
}


def comment(world: World, item: Item) -> dict[str, Any]:
    """Return a comment with the fields that it has in every reply. Its `replies` are empty."""
    home, what = item.community, item.what
    assert isinstance(what, community_module.Comment)  # noqa: S101 - narrows the union
    rng = home.rng("comment", what.number)
    above = Item(home, home.posts[what.post])
    body = writing.paragraphs(rng, home.theme, 2)
    if identity.is_deleted(world, item):
        body = "[deleted]"
    elif what.state == community_module.REMOVED:
        body = "[removed]"
    # In Reddit's recorded replies, a removed comment names no author, like a deleted comment.
    author = identity.visible_author(world, item) if body != "[removed]" else None
    data = {
        **_CONSTANT,
        **{name: [] for name in _LISTS.split()},
        **identity.subreddit_fields(home),
        **identity.author_fields(author),
        "gildings": {},
        "id": identity.id_of(item),
        "name": item.fullname,
        "body": body,
        "body_html": writing.as_html(body),
        "link_id": above.fullname,
        "parent_id": _parent(home, what) or above.fullname,
        "permalink": f"{link_shape.permalink_of(above)}{identity.id_of(item)}/",
        "created": float(what.at),
        "created_utc": float(what.at),
        "edited": identity.edited(world, what.at, rng, 0.05),
        "score": what.score,
        "ups": what.score,
        "archived": world.options.now - what.at > link_shape.HALF_A_YEAR,
        "is_submitter": author is not None and author.number == above.what.author,
        "no_follow": what.score < 2,
        "collapsed": what.score < -2,
        "collapsed_reason": "comment score below threshold" if what.score < -2 else None,
        "replies": "",
    }
    if home.script == "hostile":
        hostile.twist_comment(data, what.number)
    elif home.script == "takedown":
        takedown.change_comment(data, what.number)
    elif home.script == "media":
        media.change_comment(data, what.number)
    return {"kind": "t1", "data": data}


def in_listing(world: World, item: Item) -> dict[str, Any]:
    """Return a comment with fields about its post, as in /r/X/comments and in histories."""
    found = comment(world, item)
    home = item.community
    what = item.what
    assert isinstance(what, community_module.Comment)  # noqa: S101 - narrows the union
    above = link_shape.link(world, Item(home, home.posts[what.post]))["data"]
    found["data"].update(
        link_author=above.get("author"),
        link_permalink=f"https://www.reddit.com{above['permalink']}",
        link_title=above.get("title"),
        link_url=above.get("url"),
        num_comments=above.get("num_comments"),
        over_18=above.get("over_18"),
        quarantine=False,
    )
    return found


def more(parent: str, depth: int, children: Sequence[str], count: int) -> dict[str, Any]:
    """Return a stub for `count` comments below `parent`.

    `children` are the ids of the direct replies among these comments.
    """
    first = children[0]
    data = {"count": count, "name": f"t1_{first}", "id": first}
    return {
        "kind": "more",
        "data": {**data, "parent_id": parent, "depth": depth, "children": list(children)},
    }


def continue_thread(parent: str, depth: int) -> dict[str, Any]:
    """Return the stub "continue this thread", which leads to the page of the comment `parent`."""
    data = {"count": 0, "name": "t1__", "id": "_", "parent_id": parent, "depth": depth}
    return {"kind": "more", "data": {**data, "children": []}}


def _parent(home: Community, what: community_module.Comment) -> str | None:
    if what.parent < 0:
        return None
    return f"t1_{keys.item_id(home.comments[what.parent].at, home.tag)}"
