"""Parses Reddit's description of a subreddit or of an account."""

from __future__ import annotations

from typing import Any

from crawljobs.domain import untrusted_text
from crawljobs.domain.reddit_items import Account, SubredditAbout
from crawljobs.domain.subreddit import AccessState

# The limits in characters to which texts are cut. Reddit's own limits are 300 for titles, 40,000
# for posts and 10,000 for comments.
TITLE_MAX = 1_000
BODY_MAX = 50_000
LANGUAGE_MAX = 35  # maximum length of a language tag, as RFC 5646 recommends

SUBREDDIT_TYPES = {
    "public": AccessState.PUBLIC,
    "user": AccessState.PUBLIC,
    "private": AccessState.PRIVATE,
    "employees_only": AccessState.PRIVATE,
    "gold_only": AccessState.PRIVATE,
}

Data = dict[str, Any]


def subreddit(data: Data, _depth: int | None = None) -> SubredditAbout | None:
    name = untrusted_text.subreddit_name(data.get("display_name"))
    if name is None:
        return None
    kind, over_18 = data.get("subreddit_type"), data.get("over18")
    known = SUBREDDIT_TYPES.get(kind) if isinstance(kind, str) else None
    return SubredditAbout(
        name=name,
        reddit_id=untrusted_text.full_name(data.get("name"), kinds=("t5",)),
        title=untrusted_text.text(data.get("title"), limit=TITLE_MAX),
        description=untrusted_text.text(data.get("public_description"), limit=BODY_MAX),
        subscribers=untrusted_text.count(data.get("subscribers")),
        over_18=over_18 if isinstance(over_18, bool) else None,
        created_at=untrusted_text.time(data.get("created_utc")),
        access=known or AccessState.RESTRICTED,
        has_type=isinstance(kind, str),
        active=untrusted_text.count(data.get("active_user_count")),
        sidebar=untrusted_text.text(data.get("description"), limit=BODY_MAX),
        language=untrusted_text.text(data.get("lang"), limit=LANGUAGE_MAX) or None,
    )


def account(data: Data, _depth: int | None = None) -> Account | None:
    name = untrusted_text.account_name(data.get("name"))
    if name is None:
        return None
    bare = untrusted_text.base36(data.get("id"))
    return Account(
        name=name,
        reddit_id=f"t2_{bare}" if bare else None,
        created_at=untrusted_text.time(data.get("created_utc")),
        suspended=untrusted_text.flag(data.get("is_suspended")),
    )
