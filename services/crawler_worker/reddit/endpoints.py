"""The API calls of a crawl. Each function sends one request and returns the parsed reply.

Each function first checks names and ids. It raises InvalidSubredditName for an invalid subreddit
name, and BadRequest for another invalid value. It also raises the errors of RedditClient.send.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from crawler_worker.reddit import crawl_failures, parsing, reply_subjects
from crawler_worker.reddit.request import Parameters
from crawler_worker.reddit.requester import Requester
from crawljobs.domain import subreddit, untrusted_text
from crawljobs.domain.reddit_items import Account, Items, Page, SubredditAbout

PAGE_LIMIT = 100  # maximum number of items in one page; Reddit reduces a larger number
TREE_LIMIT = 500
MORE_CHILDREN_LIMIT = 100
NAMES_LIMIT = 100
TIMED_SORTS = frozenset({"top", "controversial"})


def about(requester: Requester, *, name: str) -> SubredditAbout:
    return requester.get(
        f"/r/{_subreddit(name)}/about", {}, partial(reply_subjects.about, name=name)
    )


def posts(
    requester: Requester,
    *,
    name: str,
    sort: str,
    time_filter: str,
    after: str | None,
    limit: int,
) -> Page:
    params: dict[str, str | int] = {"limit": min(limit, PAGE_LIMIT)}
    if sort in TIMED_SORTS:
        params["t"] = time_filter
    path = f"/r/{_subreddit(name)}/{sort}"
    return requester.get(path, _from(after, params), partial(reply_subjects.posts, name=name))


def comments(requester: Requester, *, name: str, after: str | None) -> Page:
    """Request one page of a subreddit's newest comments on all posts."""
    params = _from(after, {"limit": PAGE_LIMIT})
    parse = partial(reply_subjects.comments, name=name)
    return requester.get(f"/r/{_subreddit(name)}/comments", params, parse)


def tree(requester: Requester, *, post_id: str, max_depth: int) -> Items:
    """Request a post and the first comments of its comment tree."""
    params: Parameters = {"limit": TREE_LIMIT, "depth": max_depth}
    parse = partial(reply_subjects.tree, post_id=post_id)
    return requester.get(f"/comments/{_id(post_id)}", params, parse)


def thread(
    requester: Requester, *, post_id: str, comment_id: str, depth: int, max_depth: int
) -> Items:
    """Request a comment, whose level in the tree is `depth`, with the replies below it."""
    params: Parameters = {"limit": TREE_LIMIT, "depth": max_depth}
    path = f"/comments/{_id(post_id)}/_/{_id(comment_id)}"
    return requester.get(path, params, partial(reply_subjects.tree, post_id=post_id, depth=depth))


def more_children(requester: Requester, *, post_id: str, comment_ids: Sequence[str]) -> Items:
    form = {
        "api_type": "json",
        "link_id": f"t3_{_id(post_id)}",
        "children": ",".join(_id(comment_id) for comment_id in comment_ids),
    }
    parse = partial(reply_subjects.more_children, post_id=post_id)
    return requester.post("/api/morechildren", form, parse)


def account(requester: Requester, *, name: str) -> Account:
    parse = partial(reply_subjects.account, name=name)
    return requester.get(f"/user/{_account(name)}/about", {}, parse)


def history(requester: Requester, *, name: str) -> Page:
    """Request an account's newest posts and comments. The page is empty if they are hidden."""
    params: Parameters = {"limit": PAGE_LIMIT, "sort": "new"}
    parse = partial(reply_subjects.history, name=name)
    return requester.get(f"/user/{_account(name)}/overview", params, parse)


def info(requester: Requester, *, names: Sequence[str]) -> Items:
    """Request the posts and comments with these full names, at most 100."""
    for name in names:
        if untrusted_text.full_name(name, kinds=("t1", "t3")) is None:
            raise crawl_failures.BadRequest(f"not a full name of Reddit's: {name[:60]!r}")
    parse = partial(reply_subjects.named, names=frozenset(names))
    return requester.get("/api/info", {"id": ",".join(names)}, parse)


def subreddits_named(requester: Requester, *, names: Sequence[str]) -> Items:
    """Request the subreddits with these names, at most 100. Reddit skips unknown names."""
    listed = ",".join(_subreddit(name) for name in names)
    return requester.get("/api/info", {"sr_name": listed}, parsing.items)


def _from(after: str | None, params: dict[str, str | int]) -> Parameters:
    return params if after is None else {**params, "after": after}


def _subreddit(name: str) -> str:
    if subreddit.is_listing(name):  # earlier releases could enqueue a listing, such as `all`
        raise crawl_failures.BadRequest(f"r/{name} is no subreddit but a listing of Reddit's own")
    return subreddit.checked_name(name)


def _account(name: str) -> str:
    if untrusted_text.account_name(name) is None:
        raise crawl_failures.BadRequest(f"not an account's name: {name[:60]!r}")
    return name


def _id(value: str) -> str:
    if untrusted_text.base36(value) is None:
        raise crawl_failures.BadRequest(f"not an id of Reddit's: {value[:60]!r}")
    return value
