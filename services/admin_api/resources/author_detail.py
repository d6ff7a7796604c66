"""/api/authors: a stored Reddit account and its activity by subreddit."""

from __future__ import annotations

from typing import Any

from admin_api.http import pagination, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.schemas.content_filter import ActivityParameters
from admin_api.schemas.content_item import AuthorActivitySchema
from crawljobs.domain.api_token import Scope
from crawljobs.repository.content.reads import author_activity_pages

PREFIX = "/api/authors"

blueprint = Blueprint(
    "authors",
    __name__,
    url_prefix=PREFIX,
    description="Stored Reddit accounts",
    reads=Scope.CONTENT,
)


@blueprint.get("/<author:author>")
@blueprint.parameters(ActivityParameters)
@blueprint.answers_page(AuthorActivitySchema, "The author and a page of the activity.")
@blueprint.problems("not_found")
def show_author(params: dict[str, Any], author: str) -> responses.Response:
    """Show an author, and the author's activity by subreddit

    The case of the name does not matter. For a page, the API examines at most 2,000 subreddits. So
    a page with `next` may hold fewer subreddits than `limit`.
    """
    with state.current().database.read() as conn:
        account = author_activity_pages.find_author(conn, name=author)
        if account is None:
            raise problems.Problem("not_found", f"There is no stored author {author}.")
    page = pagination.Page.requested(f"activity of {account.id}", params)
    found = state.current().database.run(
        lambda conn: author_activity_pages.list_activity(
            conn,
            author_id=account.id,
            since=params["since"],
            until=params["until"],
            after_id=page.last_id,
            limit=page.limit,
        )
    )
    body, status, headers = page.response_with(
        f"{PREFIX}/{author}",
        found.activity,
        next_at=None if found.next is None else [found.next],
    )
    return {"author": account, **body}, status, headers
