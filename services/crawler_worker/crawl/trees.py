"""Fourth phase of a crawl: store the comment trees of the posts with the most comments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crawler_worker.crawl import tree_requests
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.tree import Tree
from crawljobs.db.database import Connection
from crawljobs.domain.missing_part import OF_A_TREE, MissingPart, PartKind, PartReason
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import crawled_trees

# The maximum number of trees in one crawl. A tree costs at least one request. Few trees are needed,
# because the previous phase needs only one request for 100 comments, even of different posts.
MOST = 25
# The number of crawls after which a tree with too few comments is accepted. Reddit's number of
# comments also counts comments that Reddit does not show.
SHORT_TREE_TRIES = 3

Busiest = tuple[tuple[str, int], ...]


def crawl(context: CrawlContext) -> None:
    """Request the trees, one request at a time. Store each reply together with the checkpoint."""
    if not context.settings.max_comments_per_post:
        return
    if context.checkpoint.tree is None:
        _choose(context)
    while context.checkpoint.tree or context.checkpoint.busiest:
        tree, busiest = context.checkpoint.tree, context.checkpoint.busiest
        if tree is None:
            (post, reported), *rest = busiest
            tree, busiest = Tree(post=post, reported=reported), tuple(rest)
        try:
            items, tree = tree_requests.next_part(context, tree)
        except parts.GivenUp as given_up:
            _give_up(context, tree, busiest, given_up.part)
        else:
            _store(context, tree, items, busiest)


def _choose(context: CrawlContext) -> None:
    """Choose the posts whose trees must be requested, because some comments are not stored.

    The trees are, in this order:

    - trees that earlier crawls gave up and whose next try is due
    - the trees of the busiest posts of this crawl
    - if fewer than MOST of the busiest posts are chosen: trees that earlier crawls did not reach

    Most other trees are small, and the previous phase has stored their comments.
    """
    again = parts.posts_to_fetch(context)
    not_yet = context.parts.not_due(*OF_A_TREE, now=context.now())
    ids = list(dict.fromkeys([*again, *(post for post, _ in context.checkpoint.busiest)]))
    counts = context.read(lambda conn: crawled_trees.counts(conn, post_ids=ids))
    chosen = {post: counts.reported(post) for post in again}
    for post, shown in context.checkpoint.busiest:
        if counts.stored(post) < shown and post not in not_yet:
            chosen.setdefault(post, shown)
    room = MOST - len(chosen.keys() - set(again))
    # Adds the posts of `_left` only on page 0. On a later page, these posts are already in
    # `busiest`, because an earlier attempt of the crawl added them.
    if context.checkpoint.page == 0 and room > 0:
        chosen.update(_left(context, {*chosen, *not_yet, *parts.own_trees(context)}, room))
    context.move_to(replace(context.checkpoint, busiest=tuple(chosen.items())))


def _left(context: CrawlContext, without: set[str], room: int) -> dict[str, int]:
    return context.read(
        lambda conn: crawled_trees.left(
            conn,
            subreddit_id=context.claim.subreddit_id,
            without=without,
            at_most=context.settings.max_comments_per_post,
            limit=room,
        )
    )


def _give_up(context: CrawlContext, tree: Tree, busiest: Busiest, part: MissingPart) -> None:
    """Give up a part. If the tree's first request failed, the crawl continues with the next tree.
    If a later request failed, the crawl continues with the rest of this tree."""
    if tree.is_first:
        context.give_up(replace(context.checkpoint, tree=None, busiest=busiest), part)
        return
    if tree.more:
        is_one = part.reason is PartReason.TOO_LARGE
        tree = tree.broken(lost=tree.more[:1] if is_one else tree.more)
    else:
        tree = replace(tree.broken(), threads=tree.threads[1:])
    context.give_up(_after(context, tree, busiest), part, extra_writes=_record(tree))


def _store(context: CrawlContext, tree: Tree, items: Items, busiest: Busiest) -> None:
    seen = Seen(context.checkpoint.seen)
    then = _after(context, tree, busiest)
    new = len(seen.new_of(comment.id for comment in items.comments))
    then = replace(then, page=then.page + 1, comments=then.comments + new)
    if tree.is_done:
        context.record_changed_parts()
    short = _short(context, tree)
    if short is not None:
        context.give_up(then, short, items=items, extra_writes=_record(tree))
        return
    is_whole = tree.is_done and not tree.is_broken
    settled = [(kind, tree.post) for kind in OF_A_TREE] if is_whole else []
    context.store(then, items, extra_writes=_record(tree), settled=settled)


def _short(context: CrawlContext, tree: Tree) -> MissingPart | None:
    """If the tree has too few comments, return it as a part to give up. Otherwise return None.

    A tree has too few comments if it has less than half of the comments that Reddit reports.

    - First the tree is given up, so that a later crawl requests it again.
    - After SHORT_TREE_TRIES tries, the tree is accepted. The number of missing comments is stored
      with the post. If Reddit reports more comments later, the tree is requested again.
    """
    if not tree.is_short:
        return None
    known = context.parts.get(PartKind.TREE, tree.post)
    is_same = known is not None and known.reason is PartReason.UNAVAILABLE
    if known is not None and is_same and known.failures + 1 >= SHORT_TREE_TRIES:
        return None
    message = f"Reddit reports {tree.reported} comments and shows {tree.comments} of them"
    return parts.missing(context, PartKind.TREE, tree.post, PartReason.UNAVAILABLE, message)


def _after(context: CrawlContext, tree: Tree, busiest: Busiest) -> Checkpoint:
    return replace(context.checkpoint, tree=None if tree.is_done else tree, busiest=busiest)


def _record(tree: Tree) -> Callable[[Connection], None]:
    """Return a function. If the tree is done, the function stores its counts in the post's row."""

    def record(conn: Connection) -> None:
        if tree.is_done:
            crawled_trees.record(
                conn,
                post_id=tree.post,
                reported=tree.reported,
                missing=tree.missing,
                brought=tree.comments,
            )

    return record
