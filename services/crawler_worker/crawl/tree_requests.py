"""Makes the requests for one comment tree.

The first request returns the start of the tree. Each further request returns more comments, the
replies below one comment (a thread), or comments by their names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crawler_worker.crawl import tree_growth
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.tree import Tree
from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.requester import Requester
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.reddit_items import Items


def next_part(context: CrawlContext, tree: Tree) -> tuple[Items, Tree]:
    """Make the next request for this tree. Return the new comments, and the tree's new state.

    Raises GivenUp, and the errors of CrawlContext.request.
    """
    if tree.is_first:
        items = _whole(context, tree)
        reported = [post.num_comments for post in items.posts if post.id == tree.post]
        if reported and reported[0] is not None:
            # The listing and the tree both report the number of the post's comments. Either number
            # may be out of date, so the larger number is used.
            tree = replace(tree, reported=max(reported[0], tree.reported or 0))
        return _after_reply(context, tree, items)
    if tree.more:
        return _more(context, tree)
    if tree.threads:
        thread, rest = tree.threads[0], tree.threads[1:]
        tree = replace(tree, threads=rest)
        items = _request(
            context,
            PartKind.THREAD,
            tree,
            lambda requester: endpoints.thread(
                requester,
                post_id=tree.post,
                comment_id=thread.parent,
                depth=thread.depth,
                max_depth=context.settings.max_comment_depth - thread.depth,
            ),
        )
        return _after_reply(context, tree, items)
    return _looked_up(context, tree)


def _whole(context: CrawlContext, tree: Tree) -> Items:
    depth = context.settings.max_comment_depth
    return _request(
        context,
        PartKind.TREE,
        tree,
        lambda requester: endpoints.tree(requester, post_id=tree.post, max_depth=depth),
    )


def _more(context: CrawlContext, tree: Tree) -> tuple[Items, Tree]:
    """Request the next 100 missing comments. While Reddit rejects the request as too long, halve
    the number of comments."""
    size = endpoints.MORE_CHILDREN_LIMIT
    while True:
        batch = tree.more[:size]
        try:
            items = _request(
                context,
                PartKind.MORE_CHILDREN,
                tree,
                lambda requester, batch=batch: endpoints.more_children(  # type: ignore[misc]
                    requester, post_id=tree.post, comment_ids=batch
                ),
                passing=(crawl_failures.TooLarge,) if len(batch) > 1 else (),
            )
        except crawl_failures.TooLarge:
            size = len(batch) // 2
            continue
        parents = tree.parents(batch)
        kept, after = tree_growth.grow(
            tree.without_more(batch), items, context.settings, requested=batch, parents=parents
        )
        return replace(items, comments=kept), after


def _looked_up(context: CrawlContext, tree: Tree) -> tuple[Items, Tree]:
    """Request, by their ids, the comments that Reddit named but did not return in a thread.

    A tree has at most one request of this kind. Reddit returns the comments without the replies to
    them, so further requests for the replies follow.
    """
    names = [f"t1_{comment}" for comment in tree.lookup[: endpoints.NAMES_LIMIT]]
    items = _request(
        context,
        PartKind.MORE_CHILDREN,
        tree,
        lambda requester: endpoints.info(requester, names=names),
    )
    found = tuple(comment for comment in items.comments if comment.post_id == tree.post)
    items = replace(items, comments=found)
    tree = replace(tree, is_looked_up=True)
    kept, after = tree_growth.grow(tree, items, context.settings, without_replies=True)
    return replace(items, comments=kept), after


def _after_reply(context: CrawlContext, tree: Tree, items: Items) -> tuple[Items, Tree]:
    kept, after = tree_growth.grow(tree, items, context.settings)
    return replace(items, comments=kept), after


def _request(
    context: CrawlContext,
    kind: PartKind,
    tree: Tree,
    call: Callable[[Requester], Items],
    *,
    passing: tuple[type[crawl_failures.CrawlFailure], ...] = (),
) -> Items:
    """Request a part of a tree. If Reddit replies that the post or thread is gone, return no items.

    Reddit's reply that an item is gone may be wrong. So after the last request for a tree, the
    crawl checks whether the tree has too few comments.
    """
    return parts.request(context, kind, tree.post, call, if_gone=Items(), passing=passing)
