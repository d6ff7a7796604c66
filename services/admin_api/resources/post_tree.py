"""/api/posts: a stored post with its comment tree."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from admin_api.http import pagination, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.schemas.content_item import PostTreeSchema
from admin_api.schemas.fields import PageParameters
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.repository.content.reads import post_trees
from crawljobs.repository.content.reads.post_trees import TreePage
from crawljobs.repository.content.reads.shown_items import ShownPost

PREFIX = "/api/posts"

blueprint = Blueprint(
    "posts",
    __name__,
    url_prefix=PREFIX,
    description="A stored post and its comments",
    reads=Scope.CONTENT,
)


@blueprint.get("/<post:post_id>")
@blueprint.parameters(PageParameters)
@blueprint.answers_page(PostTreeSchema, "The post and a page of its comments.")
@blueprint.problems("not_found")
def show_post(params: dict[str, Any], post_id: str) -> responses.Response:
    """Show a post and its comments in the order of the tree

    Each comment is followed by its replies, the oldest reply first. `depth` and `parent_id` show
    the comment's place in the tree. The id may have the prefix t3_.
    """
    post_id = post_id.removeprefix("t3_")
    page = pagination.Page.requested(f"comments of post {post_id}", params)

    def work(conn: Connection) -> tuple[ShownPost, TreePage]:
        post = post_trees.get_post(conn, post_id=post_id)
        if post is None:
            raise problems.Problem("not_found", f"There is no stored post {post_id}.")
        return post, post_trees.tree_page(conn, post_id=post_id, after=page.after, limit=page.limit)

    post, tree = state.current().database.run(work)
    items = [{**asdict(one.comment), "depth": one.depth} for one in tree.comments]
    body, status, headers = page.response_with(f"{PREFIX}/{post_id}", items, next_at=tree.next)
    return {"post": post, **body, "is_cut": tree.is_cut}, status, headers
