"""Parses a comment of Reddit's reply into a comment that can be stored."""

from __future__ import annotations

from typing import Any

from crawler_worker.reddit.items import (
    about_parsing,
    author_parsing,
    extra_parsing,
    removal_markers,
)
from crawljobs.domain import mentions, untrusted_text
from crawljobs.domain.reddit_items import Comment

CATEGORY_MAX = 300  # maximum length of a removal category, in characters
FLAIR_MAX = 300  # maximum length of the author's flair, in characters
WORD_MAX = 100  # maximum length of a value from a fixed list, such as the kind of an account

Data = dict[str, Any]


def comment(data: Data, depth: int | None) -> Comment | None:
    """Parse `data` into a comment with this depth (its level in the comment tree).

    Pass None for a comment of a listing, because listings do not report the depth. The depth is
    then known only if the comment is directly below the post.

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
    is_empty = deleted or removed or by_reddit
    body = None if is_empty else untrusted_text.text(raw_body, limit=about_parsing.BODY_MAX)
    flair = data.get("author_flair_text") if author and not deleted else None
    controversiality = untrusted_text.count(data.get("controversiality"))

    def word(key: str) -> str | None:
        return untrusted_text.text(data.get(key), limit=WORD_MAX) or None

    def flag(key: str) -> bool:
        return untrusted_text.flag(data.get(key))

    return Comment(
        id=comment_id,
        post_id=link.removeprefix("t3_"),
        parent_id=parent,
        subreddit=subreddit,
        author=author,
        body=body,
        author_flair=untrusted_text.text(flair, limit=FLAIR_MAX),
        score=removal_markers.comment_score(data),
        score_hidden=flag("score_hidden"),
        controversiality=None if controversiality is None else min(1, controversiality),
        total_awards_received=untrusted_text.count(data.get("total_awards_received")),
        distinguished=word("distinguished"),
        collapsed_reason_code=word("collapsed_reason_code"),
        stickied=flag("stickied"),
        is_submitter=flag("is_submitter"),
        locked=flag("locked"),
        archived=flag("archived"),
        removed_by_category=removal_markers.removed_by(
            category, removed=removed, by_reddit=by_reddit
        ),
        created_at=created_at,
        edited=removal_markers.is_edited(data.get("edited")),
        edited_at=untrusted_text.time(data.get("edited")),
        deleted=deleted,
        depth=0 if depth is None and parent == link else depth,
        mentions=mentions.find(body, home=subreddit),
        extra=None
        if is_empty or category
        else extra_parsing.read(data, extra_parsing.COMMENT_FIELDS),
    )
