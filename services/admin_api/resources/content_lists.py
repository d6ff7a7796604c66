"""/api/subreddits: the stored posts and comments of a subreddit."""

from __future__ import annotations

from typing import Any

from admin_api.http import pagination, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import subreddit_lookup
from admin_api.schemas.content_filter import ItemParameters
from admin_api.schemas.content_item import CommentListSchema, PostListSchema
from crawljobs.domain.api_token import Scope
from crawljobs.repository.content.reads import item_pages
from crawljobs.repository.content.reads.item_page_sql import ItemSort
from crawljobs.repository.content.reads.item_pages import ItemFilter

PREFIX = "/api/subreddits"

blueprint = Blueprint(
    "content of subreddits",
    __name__,
    url_prefix=PREFIX,
    description="Stored posts and comments",
    reads=Scope.CONTENT,
)


@blueprint.get("/<subreddit:subreddit>/posts")
@blueprint.parameters(ItemParameters)
@blueprint.answers_page(PostListSchema, "One page of posts.")
@blueprint.problems("not_found")
def list_posts(params: dict[str, Any], subreddit: str) -> responses.Response:
    """List the stored posts of a subreddit

    For a page, the API examines at most 2,000 posts. A page with `next` may therefore hold fewer
    posts than `limit`.
    """
    return _listed(item_pages.list_posts, "posts", params, subreddit)


@blueprint.get("/<subreddit:subreddit>/comments")
@blueprint.parameters(ItemParameters)
@blueprint.answers_page(CommentListSchema, "One page of comments.")
@blueprint.problems("not_found")
def list_comments(params: dict[str, Any], subreddit: str) -> responses.Response:
    """List the stored comments of a subreddit

    For a page, the API examines at most 2,000 comments. A page with `next` may therefore hold fewer
    comments than `limit`.
    """
    return _listed(item_pages.list_comments, "comments", params, subreddit)


def _listed(read: Any, kind: str, params: dict[str, Any], subreddit: str) -> responses.Response:
    with state.current().database.read() as conn:
        subreddit_id = subreddit_lookup.found(conn, subreddit).id
    page = pagination.Page.requested(f"{kind} of {subreddit_id}", params)
    found = state.current().database.run(
        lambda conn: read(
            conn,
            subreddit_id=subreddit_id,
            filters=ItemFilter(**{name: params[name] for name in vars(ItemFilter())}),
            sort=ItemSort(params["sort"]),
            after=page.after,
            limit=page.limit,
        )
    )
    return page.response_with(f"{PREFIX}/{subreddit}/{kind}", found.items, next_at=found.next)
