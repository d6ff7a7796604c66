"""Parses a comment of Reddit's reply into a comment that can be stored."""

from __future__ import annotations

from typing import Any

from crawler_worker.reddit.items import about_parsing, author_parsing, removal_markers
from crawljobs.domain import mentions, untrusted_text
from crawljobs.domain.reddit_items import Comment

CATEGORY_MAX = 300  # limit of a removal category in characters

Data = dict[str, Any]


def comment(data: Data, depth: int | None) -> Comment | None:
    """Parse `data` into a comment with this depth (its level in the comment tree).

    Return None if an id, the subreddit or the time is invalid.
    """
    comment_id = untrusted_text.base36(data.get("id"))
    link = untrusted_text.full_name(data.get("link_id"), kinds=("t3",))
    parent = untrusted_text.full_name(data.get("parent_id"), kinds=("t1", "t3"))
    subreddit = untrusted_text.subreddit_name(data.get("subreddit"))
    created_at = untrusted_text.time(data.get("created_utc"))
    if not (comment_id and link and parent and subreddit and created_at):
        return None
    author = author_parsing.author(data)
    raw_body = data.get("body")
    category = untrusted_text.text(data.get("removed_by_category"), limit=CATEGORY_MAX) or None
    deleted = author_parsing.is_deleted(author, body=raw_body, category=category)
    removed = raw_body == removal_markers.REMOVED
    by_reddit = removal_markers.is_removed_by_reddit(raw_body)
    body = (
        None
        if deleted or removed or by_reddit
        else untrusted_text.text(raw_body, limit=about_parsing.BODY_MAX)
    )
    return Comment(
        id=comment_id,
        post_id=link.removeprefix("t3_"),
        parent_id=parent,
        subreddit=subreddit,
        author=author,
        body=body,
        score=removal_markers.comment_score(data),
        stickied=untrusted_text.flag(data.get("stickied")),
        is_submitter=untrusted_text.flag(data.get("is_submitter")),
        removed_by_category=removal_markers.removed_by(
            category, removed=removed, by_reddit=by_reddit
        ),
        created_at=created_at,
        edited=removal_markers.is_edited(data.get("edited")),
        edited_at=untrusted_text.time(data.get("edited")),
        deleted=deleted,
        depth=depth,
        mentions=mentions.find(body, home=subreddit),
    )
