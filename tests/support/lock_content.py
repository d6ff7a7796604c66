"""Transactions that erase, link and check stored content, for the test of the order of locks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from crawler_worker.maintenance.item_batches import OmissionBatch
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.map_links import Link
from crawljobs.domain.operation import OperationKind
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.content.deletion_checks import omitted_items
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.erasure import (
    author_erasure,
    old_content,
    old_items,
    subreddit_erasure,
)
from crawljobs.repository.erasure.author_erasure import AuthorRequest
from crawljobs.repository.erasure.old_content import DueSubreddit
from crawljobs.repository.erasure.subreddit_erasure import SubredditRequest
from crawljobs.repository.map import due_nodes, link_writes, stored_communities
from crawljobs.repository.map.due_nodes import TakenNode
from crawljobs.repository.operations import operation_rows
from support import crawled, erasure
from support.interleaved import Work

ACTOR = Actor("ada")
# The names of authors and subreddits that the other transactions of the test write too.
ERASED, REQUESTED = "zoe", "ann"
IDLE = "idle"  # an author without content, whose row the last chunk of an erasure deletes
NAMES = [*(f"t3_p{n}" for n in range(4)), *(f"t1_c{n}" for n in range(4))]
_NODES = """
    INSERT INTO map_nodes (subreddit_id, due_at)
    SELECT id, now() FROM subreddits WHERE id = ANY (:ids)
"""
_LINKS = """
    INSERT INTO subreddit_links (a_id, b_id, shared_authors, weight, is_top_of_a, is_top_of_b,
        computed_at)
    SELECT a.id, b.id, 2, 0.5, true, true, now()
    FROM subreddits AS a JOIN subreddits AS b ON a.id < b.id
    WHERE a.id = ANY (:ids) AND b.id = ANY (:ids)
"""
_OMITTED = """
    INSERT INTO omitted_items (name, subreddit_id, omissions, counted_at, next_look_at)
    SELECT 't3_' || id, subreddit_id, 2, now() - interval '9 days', now() FROM posts
"""


def create(conn: Connection, ids: Mapping[str, int], *, erased: str, linked: list[str]) -> None:
    """Create the map of the subreddits `linked`, and two operations that erase content.

    The operations erase the author ERASED and the content of the subreddit `erased`.
    """
    values = {"ids": [ids[name] for name in linked]}
    conn.execute(text(_NODES), values)
    conn.execute(text(_LINKS), values)
    conn.execute(text(_OMITTED))
    conn.execute(text("INSERT INTO authors (name) VALUES (:name)"), {"name": IDLE})
    author_id = conn.execute(
        text("SELECT id FROM authors WHERE name = :name"), {"name": ERASED}
    ).scalar_one()
    for kind, resource, row_id, parameters in (
        (OperationKind.ERASE_AUTHOR, "author", author_id, {operation_rows.PERSONAL: ERASED}),
        (OperationKind.ERASE_SUBREDDIT, "subreddit", ids[erased], {}),
    ):
        operation_rows.create(
            conn, kind=kind, resource_type=resource, resource_id=row_id, total=9, actor=ACTOR,
            parameters=parameters, traceparent=None,
        )  # fmt: skip


def transactions(ids: Mapping[str, int], *, alpha: str, beta: str, linked: list[str]) -> dict[
    str, Work
]:  # fmt: skip
    """Return each kind of transaction. `alpha` has posts, `beta` has comments."""

    def erase_author(conn: Connection) -> None:
        author_erasure.start(conn, AuthorRequest(REQUESTED, erasure.KEY, ACTOR))

    def erase_content(conn: Connection) -> None:
        subreddit_admin.get_subreddit(conn, subreddit_id=ids[alpha], lock=True)
        subreddit_erasure.start(conn, SubredditRequest(ids[alpha], ACTOR))

    def links(name: str) -> Work:
        others = [Link(ids[other], 3, 0.7, True) for other in linked if other != name]

        def work(conn: Connection) -> None:
            node = TakenNode(ids[name], datetime.now(UTC))
            due_nodes.finish(conn, node=node, author_count=5)
            link_writes.replace(conn, subreddit_id=ids[name], links=others)

        return work

    def communities(conn: Connection) -> None:
        due_nodes.mend(conn, now=datetime.now(UTC) - timedelta(days=30))
        found = {ids[name]: ids[linked[0]] for name in reversed(linked)}
        stored_communities.store(conn, communities=found)
        stored_communities.note_computed(conn, began=datetime.now(UTC))

    def old(table: str, name: str) -> Work:
        due = DueSubreddit(ids[name], old_content.FIRST, datetime.now(UTC))
        place = old_items.first_place(due)
        return lambda conn: old_items.erase(conn, table, due, after=place, at_most=9)

    def old_is_erased(conn: Connection) -> None:
        old_content.finish(conn, DueSubreddit(ids[alpha], old_content.FIRST, datetime.now(UTC)))

    def checked(conn: Connection) -> None:
        items = Items(posts=(crawled.post("p1", subreddit=alpha, score=5),))
        crawled_items.store(conn, items=items, known_subreddits={}, records_checks=False)
        omitted_items.record(conn, asked=NAMES, shown=["t3_p1"])
        OmissionBatch(NAMES).settle(conn)

    author_chunks = {
        f"author erasure, {phase.name}": _chunk(
            author_erasure.advance, OperationKind.ERASE_AUTHOR, position=phase
        )
        for phase in author_erasure.Phase
    }
    content_chunks = {
        f"content erasure, {phase.name}": _chunk(
            subreddit_erasure.advance,
            OperationKind.ERASE_SUBREDDIT,
            position=phase << subreddit_erasure._PLACE_BITS,
        )
        for phase in subreddit_erasure.Phase
    }
    return {
        "request to erase an author": erase_author,
        "request to erase content": erase_content,
        **author_chunks,
        **content_chunks,
        "links of alpha": links(alpha),
        "links of beta": links(beta),
        "take a node": due_nodes.take_due,
        "communities": communities,
        "old posts": old("posts", alpha),
        "old comments": old("comments", beta),
        "old content is erased": old_is_erased,
        "deletion check": checked,
    }


def _chunk(advance: Callable[..., object], kind: OperationKind, *, position: int) -> Work:
    def work(conn: Connection) -> None:
        operation = operation_rows.take(conn, kinds=[kind])
        if operation is None:  # the other transaction has locked it
            return
        at = replace(operation, position=position)
        if kind is OperationKind.ERASE_AUTHOR and position == author_erasure.Phase.AUTHOR:
            idle = text("SELECT id FROM authors WHERE name = :name")
            at = replace(at, resource_id=conn.execute(idle, {"name": IDLE}).scalar_one())
        advance(conn, at, actor=ACTOR)

    return work


NAMES_OF_KINDS = frozenset(
    transactions(dict.fromkeys("ab", 1), alpha="a", beta="b", linked=["a", "b"])
)
