"""Parses a post of Reddit's reply into a post that can be stored."""

from __future__ import annotations

import re
from typing import Any

from crawler_worker.reddit.items import (
    about_parsing,
    author_parsing,
    extra_parsing,
    removal_markers,
)
from crawljobs.domain import mentions, untrusted_text
from crawljobs.domain.reddit_items import Post
from crawljobs.domain.subreddit import PROFILE

# The limit in characters to which URLs are cut.
URL_MAX = 4_000
NAME_MAX = 300
WORD_MAX = 100  # maximum length of a value from a fixed list, such as the kind of an account

NEIGHBOUR = re.compile(r"[A-Za-z0-9_]{2,21}")

Data = dict[str, Any]


def post(data: Data, _depth: int | None) -> Post | None:
    """Parse `data` into a post. Return None if its id, its subreddit or its time is invalid."""
    post_id = untrusted_text.base36(data.get("id"))
    subreddit = untrusted_text.subreddit_name(data.get("subreddit"))
    created_at = untrusted_text.time(data.get("created_utc"))
    if post_id is None or subreddit is None or created_at is None:
        return None
    author = author_parsing.author(data)
    raw_body = data.get("selftext")
    category = untrusted_text.text(data.get("removed_by_category"), limit=NAME_MAX) or None
    deleted = author_parsing.is_deleted(author, body=raw_body, category=category)
    removed = raw_body == removal_markers.REMOVED
    by_reddit = any(
        removal_markers.is_removed_by_reddit(data.get(key)) for key in ("title", "selftext")
    )

    def content(key: str, limit: int) -> str | None:
        if deleted or removal_markers.is_removed_by_reddit(data.get(key)):
            return None
        return untrusted_text.text(data.get(key), limit=limit)

    def word(key: str) -> str | None:
        return untrusted_text.text(data.get(key), limit=WORD_MAX) or None

    def flag(key: str) -> bool:
        return untrusted_text.flag(data.get(key))

    title = content("title", about_parsing.TITLE_MAX)
    body = None if removed else content("selftext", about_parsing.BODY_MAX)
    is_empty = deleted or removed or by_reddit or category is not None
    original = {} if deleted else _original(data)
    return Post(
        id=post_id,
        subreddit=subreddit,
        author=author,
        title=title,
        body=body,
        url=content("url", URL_MAX),
        permalink=content("permalink", URL_MAX),
        domain=content("domain", NAME_MAX),
        flair=content("link_flair_text", NAME_MAX),
        flair_template_id=content("link_flair_template_id", WORD_MAX) or None,
        author_flair=content("author_flair_text", NAME_MAX) if author else None,
        score=untrusted_text.integer(data.get("score")),
        upvote_ratio=untrusted_text.ratio(data.get("upvote_ratio")),
        num_comments=untrusted_text.count(data.get("num_comments")),
        num_crossposts=untrusted_text.count(data.get("num_crossposts")),
        total_awards_received=untrusted_text.count(data.get("total_awards_received")),
        distinguished=word("distinguished"),
        post_hint=word("post_hint"),
        over_18=flag("over_18"),
        spoiler=flag("spoiler"),
        stickied=flag("stickied"),
        locked=flag("locked"),
        is_self=flag("is_self"),
        is_video=flag("is_video"),
        is_gallery=flag("is_gallery"),
        archived=flag("archived"),
        contest_mode=flag("contest_mode"),
        quarantine=flag("quarantine"),
        score_hidden=flag("hide_score"),
        crosspost_parent=untrusted_text.full_name(data.get("crosspost_parent"), kinds=("t3",)),
        removed_by_category=removal_markers.removed_by(
            category, removed=removed, by_reddit=by_reddit
        ),
        created_at=created_at,
        edited=removal_markers.is_edited(data.get("edited")),
        edited_at=untrusted_text.time(data.get("edited")),
        deleted=deleted,
        mentions=mentions.find(title, body, home=subreddit),
        crossposted_from=_neighbour(original, home=subreddit),
        crosspost_author=author_parsing.author(original),
        crosspost_subreddit=_subreddit(original),
        extra=None if is_empty else extra_parsing.read(data, extra_parsing.POST_FIELDS),
    )


def _original(data: Data) -> Data:
    """Return the original of a crosspost, or an empty object."""
    originals = data.get("crosspost_parent_list")
    original = originals[0] if isinstance(originals, list) and originals else None
    return original if isinstance(original, dict) else {}


def _subreddit(original: Data) -> str | None:
    """Return the original post's subreddit, or None if this subreddit is a profile."""
    name = untrusted_text.subreddit_name(original.get("subreddit"))
    is_profile = name is not None and name.lower().startswith(PROFILE)
    return None if is_profile else name


def _neighbour(original: Data, *, home: str) -> str | None:
    """Return the original post's subreddit in lower case, or None for a profile and for `home`."""
    name = original.get("subreddit")
    if not isinstance(name, str) or not NEIGHBOUR.fullmatch(name):
        return None
    return name.lower() if mentions.is_neighbour(name.lower(), home=home) else None
