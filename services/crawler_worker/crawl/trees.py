"""Fourth phase: the comment trees of the busiest posts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from crawler_worker.crawl.checkpoint import Thread, Tree
from crawler_worker.crawl.session import Session
from crawler_worker.reddit import endpoints, failures
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain.reddit_items import Comment, Items
from crawljobs.repository import crawled_comments
from crawljobs.settings import CrawlSettings


def crawl(session: Session) -> None:
    _skip_complete(session)
    while session.settings.max_comments_per_post and (session.at.tree or session.at.busiest):
        tree, items, busiest = _next_part(session)
        at = session.at
        comments, tree_after = grown(tree, items, session.settings)
        then = replace(
            at,
            page=at.page + 1,
            comments=at.comments + len(comments),
            tree=tree_after,
            busiest=busiest,
        )
        session.store(then, replace(items, comments=comments))


def _skip_complete(session: Session) -> None:
    """Most trees are small: their comments came with the newest of the subreddit."""
    ids = [post for post, _ in session.at.busiest]
    stored = session.read(lambda conn: crawled_comments.stored_counts(conn, post_ids=ids))
    missing = tuple(entry for entry in session.at.busiest if stored.get(entry[0], 0) < entry[1])
    session.at = replace(session.at, busiest=missing)


def _next_part(session: Session) -> tuple[Tree, Items, tuple[tuple[str, int], ...]]:
    """The tree without what the next request asks for, its items, and the posts after it."""
    tree, busiest = session.at.tree, session.at.busiest
    if tree is None:
        tree = Tree(post=busiest[0][0])
        return tree, _whole(session, tree), busiest[1:]
    if tree.more:
        return (*_more(session, tree), busiest)
    thread, rest = tree.threads[0], tree.threads[1:]
    return replace(tree, threads=rest), _thread(session, tree, thread), busiest


def _whole(session: Session, tree: Tree) -> Items:
    depth = session.settings.max_comment_depth
    return _ask(
        session,
        lambda client: endpoints.tree(
            client, post_id=tree.post, max_depth=depth, stop=session.stop
        ),
    )


def _thread(session: Session, tree: Tree, thread: Thread) -> Items:
    items = _ask(
        session,
        lambda client: endpoints.thread(
            client,
            post_id=tree.post,
            comment_id=thread.parent,
            depth=thread.depth,
            max_depth=session.settings.max_comment_depth - thread.depth,
            stop=session.stop,
        ),
    )
    below = tuple(comment for comment in items.comments if comment.id != thread.parent)
    return replace(items, comments=below)


def _more(session: Session, tree: Tree) -> tuple[Tree, Items]:
    """The next hundred of the missing comments; fewer when so many are too long a request."""
    size = endpoints.MORE_CHILDREN_LIMIT
    while True:
        batch, rest = tree.more[:size], tree.more[size:]
        try:
            return replace(tree, more=rest), _children(session, tree.post, batch)
        except failures.TooLarge:
            if len(batch) == 1:
                return replace(tree, more=rest), Items()
            size = len(batch) // 2


def _children(session: Session, post: str, batch: Sequence[str]) -> Items:
    return _ask(
        session,
        lambda client: endpoints.more_children(
            client, post_id=post, comment_ids=batch, stop=session.stop
        ),
    )


def _ask(session: Session, call: Callable[[RedditClient], Items]) -> Items:
    """A post or thread that is gone meanwhile brings nothing, and the crawl goes on."""
    try:
        return session.ask(call)
    except failures.Unavailable:
        return Items()


def grown(
    tree: Tree, items: Items, settings: CrawlSettings
) -> tuple[tuple[Comment, ...], Tree | None]:
    """The comments to keep of a reply, and what is still missing; None when the tree is done.

    A reply without comments adds nothing to fetch: else a tree could be walked for ever.
    """
    room = settings.max_comments_per_post - tree.comments
    comments = tuple(
        comment for comment in items.comments if (comment.depth or 0) < settings.max_comment_depth
    )[:room]
    room -= len(comments)
    more, threads = list(tree.more), list(tree.threads)
    is_first = tree == Tree(post=tree.post)
    for cut in items.more if comments or is_first else ():
        if cut.depth >= settings.max_comment_depth or len(more) + len(threads) >= room:
            continue
        if cut.children:
            more.extend(cut.children)
        elif cut.parent_id.startswith("t1_"):
            threads.append(Thread(cut.parent_id.removeprefix("t1_"), max(0, cut.depth - 1)))
    more, threads = more[:room], threads[:room]
    if not (more or threads):
        return comments, None
    return comments, replace(
        tree,
        comments=tree.comments + len(comments),
        more=tuple(more),
        threads=tuple(threads),
    )
