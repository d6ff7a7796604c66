"""The fields of an export in the shape `reddit`: they have the names and types that Reddit uses.

Programs that read archives of Reddit as JSON lines expect these fields. As in Reddit's own objects,
a deleted text is `[deleted]`, and a removed text is `[removed]`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, and_, case, cast, extract, false, func

from crawljobs.repository.exports.flat_fields import Fields, Named
from crawljobs.repository.sql import inline, inline_number

DELETED, REMOVED = "[deleted]", "[removed]"
_POST_FLAGS = ("is_video", "is_gallery", "contest_mode", "quarantine")


def seconds_since_1970(time: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the time as a whole number, as Reddit writes times."""
    return cast(func.floor(extract("epoch", time)), BigInteger)


def _text(item: FromClause, text: ColumnElement[Any], absent: str = "") -> ColumnElement[str]:
    """Return the text of an item, or `[deleted]` if the item was deleted.

    If the item has no text, return `[removed]` for a removed item, and else `absent`.
    """
    return case(
        (item.c.deleted_at.is_not(None), inline(DELETED)),
        (text.is_not(None), text),
        (item.c.removed_by_category.is_not(None), inline(REMOVED)),
        else_=inline(absent),
    )


def _unless_deleted(item: FromClause, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((item.c.deleted_at.is_(None), column))


def _originals(item: FromClause, named: Named) -> ColumnElement[Any]:
    """Return the post from which a post was crossposted, as a list of one object, or null."""
    original = func.json_build_object(
        inline("author"),
        func.coalesce(named.original_author.c.name, inline(DELETED)),
        inline("subreddit"),
        item.c.crosspost_subreddit,
    )
    return case((item.c.crosspost_parent.is_not(None), func.json_build_array(original)))


def _edited(item: FromClause) -> ColumnElement[Any]:
    """Return false, or the time of the edit, or true if Reddit did not show the time."""
    return case(
        (item.c.edited_at.is_not(None), func.to_jsonb(seconds_since_1970(item.c.edited_at))),
        else_=func.to_jsonb(item.c.edited),
    )


def _of_item(item: FromClause, named: Named, *, kind: str) -> Fields:
    return {
        "author_fullname": _unless_deleted(item, named.author.c.reddit_id),
        "author_flair_text": _unless_deleted(item, item.c.author_flair),
        "id": item.c.id,
        "name": inline(f"{kind}_").concat(item.c.id),
        "created_utc": seconds_since_1970(item.c.created_at),
        "subreddit": named.subreddit.c.name,
        "subreddit_id": named.subreddit.c.reddit_id,
        # While Reddit hides the score of an item, Reddit's own object has the score 1.
        "score": func.coalesce(item.c.score, inline_number(1)),
        "score_hidden": func.coalesce(item.c.score_hidden, item.c.score.is_(None)),
        "total_awards_received": func.coalesce(item.c.total_awards_received, inline_number(0)),
        "distinguished": _unless_deleted(item, item.c.distinguished),
        "archived": func.coalesce(item.c.archived, false()),
        "edited": _edited(item),
        "stickied": item.c.stickied,
        "removed_by_category": item.c.removed_by_category,
        "retrieved_on": seconds_since_1970(item.c.updated_at),
        "updated_at": item.c.updated_at,  # the sort key of an export of changed items
    }


def of_post(item: FromClause, named: Named) -> Fields:
    path = func.concat(
        inline("/r/"), named.subreddit.c.name, inline("/comments/"), item.c.id, inline("/")
    )
    return {
        **_of_item(item, named, kind="t3"),
        "title": _text(item, item.c.title),
        "selftext": _text(item, func.coalesce(item.c.body, case((~item.c.is_self, inline(""))))),
        "url": func.coalesce(_unless_deleted(item, item.c.url), inline("")),
        "permalink": func.coalesce(_unless_deleted(item, item.c.permalink), path),
        "domain": func.coalesce(_unless_deleted(item, item.c.domain), inline("")),
        "link_flair_text": _unless_deleted(item, item.c.flair),
        "link_flair_template_id": _unless_deleted(item, item.c.flair_template_id),
        "upvote_ratio": item.c.upvote_ratio,
        "num_crossposts": func.coalesce(item.c.num_crossposts, inline_number(0)),
        "post_hint": _unless_deleted(item, item.c.post_hint),
        "hide_score": func.coalesce(item.c.score_hidden, item.c.score.is_(None)),
        **{name: func.coalesce(item.c[name], false()) for name in _POST_FLAGS},
        "num_comments": func.coalesce(item.c.num_comments, inline_number(0)),
        "over_18": item.c.over_18,
        "spoiler": item.c.spoiler,
        "locked": item.c.locked,
        "is_self": item.c.is_self,
        "crosspost_parent": _unless_deleted(item, item.c.crosspost_parent),
        "crosspost_parent_list": _unless_deleted(item, _originals(item, named)),
    }


def of_comment(item: FromClause, named: Named) -> Fields:
    path = func.concat(
        *(inline("/r/"), named.subreddit.c.name, inline("/comments/"), item.c.post_id),
        *(inline("/_/"), item.c.id, inline("/")),
    )
    return {
        **_of_item(item, named, kind="t1"),
        "body": _text(item, item.c.body),
        "link_id": inline("t3_").concat(item.c.post_id),
        "parent_id": item.c.parent_id,
        "permalink": path,
        "is_submitter": and_(item.c.is_submitter, item.c.deleted_at.is_(None)),
        "locked": func.coalesce(item.c.locked, false()),
        "controversiality": func.coalesce(item.c.controversiality, inline_number(0)),
        "collapsed_reason_code": _unless_deleted(item, item.c.collapsed_reason_code),
    }


def of_author(item: FromClause, _named: Named) -> Fields:
    return {
        "id": func.replace(item.c.reddit_id, inline("t2_"), inline("")),
        "created_utc": seconds_since_1970(item.c.created_at_reddit),
        "is_suspended": item.c.suspended,
        "crawljobs_id": item.c.id,
    }


def of_subreddit(item: FromClause, _named: Named) -> Fields:
    return {
        "id": func.replace(item.c.reddit_id, inline("t5_"), inline("")),
        "name": item.c.reddit_id,
        "display_name": item.c.name,
        "title": func.coalesce(item.c.title, inline("")),
        "public_description": func.coalesce(item.c.description, inline("")),
        "description": func.coalesce(item.c.sidebar, inline("")),
        "lang": item.c.language,
        "subscribers": item.c.subscribers,
        "over18": item.c.over_18,
        "created_utc": seconds_since_1970(item.c.created_at_reddit),
        "subreddit_type": item.c.access,
        "crawljobs_id": item.c.id,
    }
