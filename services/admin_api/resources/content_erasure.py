"""DELETE /api/authors/{name} and /api/subreddits/{name}/content: erase stored content."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import auth, problems, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import author_detail, content_lists, operation_progress, subreddit_lookup
from admin_api.schemas.erasure import ErasureParameters, ErasureSchema
from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.repository.erasure import author_erasure, subreddit_erasure
from crawljobs.repository.erasure.author_erasure import AuthorRequest
from crawljobs.repository.erasure.erasure_operation import Erasure
from crawljobs.repository.erasure.subreddit_erasure import SubredditRequest
from crawljobs.runtime import tracing

of_authors = Blueprint(
    "erasure of authors",
    __name__,
    url_prefix=author_detail.PREFIX,
    description="Erase authors",
    changes=Scope.ERASE,
)
of_subreddits = Blueprint(
    "erasure of subreddits",
    __name__,
    url_prefix=content_lists.PREFIX,
    description="Erase the content of subreddits",
    changes=Scope.ERASE,
)


@of_authors.delete("/<author:author>")
@of_authors.parameters(ErasureParameters)
@of_authors.answers(200, ErasureSchema, "The result of a dry run, or nothing is stored.")
@of_authors.also_answers(
    202,
    ErasureSchema,
    "Workers erase the rows as an operation.",
    headers=operation_progress.LOCATION,
)
@of_authors.problems("no_content_key", "operation_in_progress")
def erase_author(params: dict[str, Any], author: str) -> flask.Response:
    """Erase an author, and never store the author again

    The author's posts and comments stay as rows without author, texts and urls, because replies
    refer to them. The name is replaced, and only a keyed hash of the name is kept. An author who is
    not stored is blocked too. One request may leave a part of the author's content. In this case, a
    second request erases the rest.
    """
    key = state.current().content_key
    if key is None:
        raise problems.Problem(
            "no_content_key",
            "Set CONTENT_KEY_FILE of admin-api and crawler-worker to the same key. It recognizes "
            "erased authors, so that no crawl stores them again.",
        )
    request = AuthorRequest(
        author, key, auth.current_actor(), tracing.traceparent(), dry_run=params["dry_run"]
    )
    try:
        with operation_progress.conflict_as_problem():
            erasure = state.current().database.run(lambda conn: author_erasure.start(conn, request))
    except errors.ContentKeyRequired as error:
        raise problems.Problem("no_content_key", str(error)) from None
    return _answer(erasure, dry_run=request.dry_run)


@of_subreddits.delete("/<subreddit:subreddit>/content")
@of_subreddits.parameters(ErasureParameters)
@of_subreddits.answers(200, ErasureSchema, "The result of a dry run.")
@of_subreddits.also_answers(
    202,
    ErasureSchema,
    "Workers erase the rows as an operation.",
    headers=operation_progress.LOCATION,
)
@of_subreddits.problems("not_found", "operation_in_progress")
def erase_content(params: dict[str, Any], subreddit: str) -> flask.Response:
    """Delete the posts, comments, activity and links of a subreddit

    The subreddit, its jobs and its schedules stay. A running crawl continues, and the pages that it
    stores after this request stay. The next crawl reads the subreddit from the start.
    """
    actor, dry_run = auth.current_actor(), bool(params["dry_run"])

    def work(conn: Connection) -> Erasure:
        found = subreddit_lookup.found(conn, subreddit, lock=True)
        request = SubredditRequest(found.id, actor, tracing.traceparent(), dry_run=dry_run)
        return subreddit_erasure.start(conn, request)

    with operation_progress.conflict_as_problem():
        return _answer(state.current().database.run(work), dry_run=dry_run)


def _answer(erasure: Erasure, *, dry_run: bool) -> flask.Response:
    found, operation = erasure.found, erasure.operation
    shown = {
        "posts": found.posts,
        "comments": found.comments,
        "crossposts": found.crossposts,
        "edges": found.edges,
        "more": found.more,
        "dry_run": dry_run,
        "operation_id": None if operation is None else operation.id,
    }
    response = flask.jsonify(ErasureSchema().dump(shown))
    if operation is not None:
        response.status_code = 202
        response.headers["Location"] = f"{operation_progress.PREFIX}/{operation.id}"
    return response
