"""Communities of which one part does not answer, by the first word of their name.

Everything else of such a community is in order: a crawl can go on without that part.
"""

from typing import Any

import flask

from reddit_sandbox import answers, listing_pages

# So few that a crawl of many trees does not look like an outage.
TREES_EVERY = 10
# Their trees are shown by half, whatever limit was asked for: so small trees have stubs too.
CUT_TREES = frozenset(("badmore", "stubs"))


def failure(script: str | None) -> flask.Response | None:
    """The failing reply to the running request, None when it goes through."""
    path = flask.request.path
    is_thread = "/comments/" in path
    if script == "badmore" and path == "/api/morechildren":
        return answers.page(400)
    if script == "badpage" and flask.request.args.get("after") and not is_thread:
        return answers.error(500)
    if script == "nocomments" and path.endswith("/comments"):
        return answers.data(without_children())
    return None


def tree_failure(script: str | None, post_number: int) -> flask.Response | None:
    """The failing reply to a request for the tree of a post; one tree in TREES_EVERY fails."""
    if script == "badtree" and post_number % TREES_EVERY == 0:
        return answers.error(500)
    return None


def without_children() -> dict[str, Any]:
    """A listing whose children are null, as was recorded when a backend failed."""
    found = listing_pages.wrap([])
    found["data"]["children"] = None
    return found


def cursor(
    script: str | None, names: list[str], page: listing_pages.Page, limit: int
) -> str | None:
    """The cursor of a page; `names` are those of the whole listing.

    In a community named loop_* the last page's leads back to the second page.
    """
    if script == "loop" and page.after is None and len(names) > 1:
        return names[min(limit, len(names)) - 1]
    return page.after
