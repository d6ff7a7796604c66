"""Fourth phase: the comment trees of the busiest posts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.tree import Tree, grow
from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawljobs.db.database import Connection
from crawljobs.domain.missing_part import OF_A_TREE, MissingPart, PartKind, PartReason
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import crawled_trees

# One request a tree is dear, and most comments come by the hundred in the phase before.
MOST = 25
# A tree that brings almost nothing is believed at this look: Reddit counts comments, too, that it
# shows to nobody.
LOOKS = 3

Busiest = tuple[tuple[str, int], ...]


def crawl(context: CrawlContext) -> None:
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
            items, tree = _next_part(context, tree)
        except parts.GivenUp as given_up:
            _give_up(context, tree, busiest, given_up.part)
        else:
            _store(context, tree, items, busiest)


def _choose(context: CrawlContext) -> None:
    """The posts whose comments are not all stored: of the busiest, those due for another look, and
    as many as there is room for of those that earlier crawls left.

    Most trees are small: their comments came with the newest of the subreddit.
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
    if context.checkpoint.page == 0 and room > 0:  # not when a crawl goes on: it has chosen
        chosen.update(_left(context, {*chosen, *not_yet, *parts.own_trees(context)}, room))
    context.checkpoint = replace(context.checkpoint, busiest=tuple(chosen.items()))


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


def _next_part(context: CrawlContext, tree: Tree) -> tuple[Items, Tree]:
    """The comments of the next request for this tree, and the tree after it."""
    if tree.is_first:
        items = _whole(context, tree)
        reported = [post.num_comments for post in items.posts if post.id == tree.post]
        if reported and reported[0] is not None:
            # The listing may lag behind, or the tree: the larger number was fetched for.
            tree = replace(tree, reported=max(reported[0], tree.reported or 0))
        return _grown(context, tree, items)
    if tree.more:
        return _more(context, tree)
    if tree.threads:
        thread, rest = tree.threads[0], tree.threads[1:]
        tree = replace(tree, threads=rest)
        items = _ask(
            context,
            PartKind.THREAD,
            tree,
            lambda client: endpoints.thread(
                client,
                post_id=tree.post,
                comment_id=thread.parent,
                depth=thread.depth,
                max_depth=context.settings.max_comment_depth - thread.depth,
                stop=context.stop,
            ),
        )
        return _grown(context, tree, items)
    return _looked_up(context, tree)


def _whole(context: CrawlContext, tree: Tree) -> Items:
    depth = context.settings.max_comment_depth
    return _ask(
        context,
        PartKind.TREE,
        tree,
        lambda client: endpoints.tree(
            client, post_id=tree.post, max_depth=depth, stop=context.stop
        ),
    )


def _more(context: CrawlContext, tree: Tree) -> tuple[Items, Tree]:
    """The next hundred of the missing comments; fewer when so many are too long a request."""
    size = endpoints.MORE_CHILDREN_LIMIT
    while True:
        batch = tree.more[:size]
        try:
            items = _ask(
                context,
                PartKind.MORE_CHILDREN,
                tree,
                lambda client, batch=batch: endpoints.more_children(  # type: ignore[misc]
                    client, post_id=tree.post, comment_ids=batch, stop=context.stop
                ),
                passing=(crawl_failures.TooLarge,) if len(batch) > 1 else (),
            )
        except crawl_failures.TooLarge:
            size = len(batch) // 2
            continue
        parents = tree.parents(batch)
        kept, after = grow(
            tree.without_more(batch), items, context.settings, asked=batch, parents=parents
        )
        return replace(items, comments=kept), after


def _looked_up(context: CrawlContext, tree: Tree) -> tuple[Items, Tree]:
    """Comments that Reddit named and showed in no thread, by their names: one request a tree.

    What is below them comes by their own threads.
    """
    names = [f"t1_{comment}" for comment in tree.lookup[: endpoints.NAMES_LIMIT]]
    items = _ask(
        context,
        PartKind.MORE_CHILDREN,
        tree,
        lambda client: endpoints.info(client, names=names, stop=context.stop),
    )
    found = tuple(comment for comment in items.comments if comment.post_id == tree.post)
    items = replace(items, comments=found)
    tree = replace(tree, is_looked_up=True)
    kept, after = grow(tree, items, context.settings, without_replies=True)
    return replace(items, comments=kept), after


def _grown(context: CrawlContext, tree: Tree, items: Items) -> tuple[Items, Tree]:
    kept, after = grow(tree, items, context.settings)
    return replace(items, comments=kept), after


def _ask(
    context: CrawlContext,
    kind: PartKind,
    tree: Tree,
    call: Callable[[RedditClient], Items],
    *,
    passing: tuple[type[crawl_failures.CrawlFailure], ...] = (),
) -> Items:
    """A post or thread that is gone meanwhile brings nothing, and the crawl goes on.

    Whether that can be is decided by the number of comments that the whole tree brings.
    """
    return parts.request(context, kind, tree.post, call, if_gone=Items(), passing=passing)


def _give_up(context: CrawlContext, tree: Tree, busiest: Busiest, part: MissingPart) -> None:
    """Go on with the rest of the tree, or with the next one when nothing of it was fetched."""
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
    context.has_changed_parts |= tree.is_done
    short = _short(context, tree)
    if short is not None:
        context.give_up(then, short, items=items, extra_writes=_record(tree))
        return
    is_whole = tree.is_done and not tree.is_broken
    settled = [(kind, tree.post) for kind in OF_A_TREE] if is_whole else []
    context.store(then, items, extra_writes=_record(tree), settled=settled)


def _short(context: CrawlContext, tree: Tree) -> MissingPart | None:
    """The tree as a part to be given up, when it brought less than half of what Reddit reports.

    An empty reply, and one that says that the post is gone, contradict the listing that shows the
    post with comments. From the look of the number LOOKS on they are believed: what is missing is
    counted on the post then, and the tree is fetched again when Reddit reports more.
    """
    if not tree.is_short:
        return None
    known = context.parts.get(PartKind.TREE, tree.post)
    is_same = known is not None and known.reason is PartReason.UNAVAILABLE
    if known is not None and is_same and known.failures + 1 >= LOOKS:
        return None
    message = f"Reddit reports {tree.reported} comments and shows {tree.comments} of them"
    return parts.missing(context, PartKind.TREE, tree.post, PartReason.UNAVAILABLE, message)


def _after(context: CrawlContext, tree: Tree, busiest: Busiest) -> Checkpoint:
    return replace(context.checkpoint, tree=None if tree.is_done else tree, busiest=busiest)


def _record(tree: Tree) -> Callable[[Connection], None]:
    """Keep on the post what was fetched of its tree, once it is done."""

    def record(conn: Connection) -> None:
        if tree.is_done:
            crawled_trees.record(
                conn, post_id=tree.post, reported=tree.reported, missing=tree.missing
            )

    return record
