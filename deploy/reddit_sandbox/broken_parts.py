"""Communities with one failing part. The first word of the name selects the part.

All other parts work, so a crawl can finish without the failing part.
"""

from typing import Any

import flask

from reddit_sandbox import answers, listing_pages

# In a community named badtree_*, one of TREES_EVERY trees fails. If more trees failed, the crawler
# would treat the failures as an outage of Reddit.
TREES_EVERY = 10
# Replies for communities with these scripts show only half of each tree. So even a small tree has a
# stub, for the other half.
CUT_TREES = frozenset(("badmore", "stubs"))


def failure(script: str | None) -> flask.Response | None:
    """Return the failing reply to the current request, or None if the request succeeds."""
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
    """Return the failing reply to a request for a post's tree, or None if the request succeeds."""
    if script == "badtree" and post_number % TREES_EVERY == 0:
        return answers.error(500)
    return None


def without_children() -> dict[str, Any]:
    """Return a listing whose children are null. Reddit sent this when its backend failed."""
    found = listing_pages.wrap([])
    found["data"]["children"] = None
    return found


def cursor(
    script: str | None, names: list[str], page: listing_pages.Page, limit: int
) -> str | None:
    """Return the cursor of a page. `names` has the full names of all items of the listing.

    In a community named loop_*, the cursor of the last page leads back to the second page.
    """
    if script == "loop" and page.after is None and len(names) > 1:
        return names[min(limit, len(names)) - 1]
    return page.after
