"""Workers keep the links and the communities of the map current, within their share of a core."""

import random
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.maintenance import community_computing, map_link_computing, map_updating
from crawler_worker.maintenance.map_updating import MapUpdating
from crawljobs.db.database import Database
from crawljobs.domain import map_links
from crawljobs.repository.content import crawl_history, stored_subreddits
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.repository.map import due_nodes, shared_authors
from support import erasure, map_world
from support.map_world import Members


def drawn(subreddits: int, authors: int, seed: int) -> Members:
    """Return subreddits in circles: neighbours share more authors than others."""
    random_ = random.Random(seed)
    return {
        f"sub{number}": {
            f"author{(number * 7 + random_.randrange(25)) % authors}": random_.randrange(30)
            for _ in range(random_.randrange(2, 40))
        }
        for number in range(subreddits)
    }


def communities(database: Database) -> dict[str, str | None]:
    with database.read() as conn:
        rows = conn.execute(
            text(
                "SELECT subreddit.name, community.name AS community FROM map_nodes AS node"
                " JOIN subreddits AS subreddit ON subreddit.id = node.subreddit_id"
                " LEFT JOIN subreddits AS community ON community.id = node.community_id"
            )
        ).all()
    return {row.name: row.community for row in rows}


def test_the_links_are_the_cosines_of_all_pairs(database: Database) -> None:
    members = drawn(30, 150, seed=1)
    with database.begin() as conn:
        map_world.store(conn, members)
        map_world.make_due(conn, *members)
    map_world.update(database)
    found = {pair: weight for pair, (_, weight) in map_world.stored_links(database).items()}
    assert found == pytest.approx(map_world.expected_weights(members))
    assert len(found) > 50


def test_the_order_of_the_computations_does_not_matter(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if links are limited, and if large subreddits are sampled."""
    monkeypatch.setattr(map_links, "TOP_LINKS", 2)
    monkeypatch.setattr(map_links, "SAMPLE_MAX", 20)
    members = drawn(25, 70, seed=2)
    with database.begin() as conn:
        map_world.store(conn, members)
        map_world.make_due(conn, *members)
    map_world.update(database)
    first = map_world.stored_links(database)
    assert len(first) < len(map_world.expected_weights(members)) / 2
    for name in random.Random(3).sample(sorted(members), len(members)):
        with database.begin() as conn:
            map_world.make_due(conn, name)
        map_world.update(database)
    assert map_world.stored_links(database) == first


def test_bots_and_accounts_in_very_many_subreddits_are_left_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"other{number}": {"Crossposter": 1, "AutoModerator": 1} for number in range(201)}
    pair = {"cats": {"ann": 1, "ben": 1}, "dogs": {"ann": 1, "ben": 1}}
    for bot in ("Crossposter", "AutoModerator"):
        pair["cats"][bot] = pair["dogs"][bot] = 1
    with database.begin() as conn:
        map_world.store(conn, {**many, **pair})
        map_world.make_due(conn, "cats")
    map_world.update(database)
    assert map_world.stored_links(database) == {
        frozenset(("cats", "dogs")): (2, pytest.approx(2 / 4))
    }


def test_a_link_goes_when_it_is_a_top_link_of_neither_side(
    database: Database,
) -> None:
    members = {"cats": {"ann": 1, "ben": 1}, "dogs": {"ann": 1, "ben": 1}}
    with database.begin() as conn:
        map_world.store(conn, members)
        map_world.make_due(conn, *members)
    map_world.update(database)
    with database.begin() as conn:
        conn.execute(
            text("DELETE FROM author_subreddits WHERE author_id = (SELECT min(id) FROM authors)")
        )
        map_world.make_due(conn, "cats")
    map_world.update(database)
    assert len(map_world.stored_links(database)) == 1, "it is still a top link of dogs"
    with database.begin() as conn:
        map_world.make_due(conn, "dogs")
    map_world.update(database)
    assert map_world.stored_links(database) == {}
    assert set(communities(database).values()) == {None}


def test_a_crawl_makes_the_links_of_its_subreddit_due(
    database: Database,
) -> None:
    with database.begin() as conn:
        (subreddit_id,) = stored_subreddits.ensure(
            conn, names=["cats"], discovered_from=None, depth=0
        ).values()
        assert not due_nodes.has_due(conn)
        crawl_history.finish_crawl(conn, subreddit_id=subreddit_id, marks=Marks())
        assert due_nodes.has_due(conn)
        node = due_nodes.take_due(conn)
        assert node is not None
        assert due_nodes.take_due(conn) is None, "one process computes the links"
    with database.begin() as conn:
        # A crawl ends while the links are computed.
        crawl_history.finish_crawl(conn, subreddit_id=subreddit_id, marks=Marks())
    map_link_computing.compute(database, node)
    with database.begin() as conn:
        assert due_nodes.has_due(conn), "the computation did not see that crawl"
        node = due_nodes.take_due(conn)
        assert node is not None
    map_link_computing.compute(database, node)
    with database.begin() as conn:
        assert not due_nodes.has_due(conn)
        assert not due_nodes.has_due(conn, now=node.now + timedelta(days=6, hours=23))
        assert due_nodes.has_due(conn, now=node.now + timedelta(days=7, hours=1))


def test_links_are_computed_again_if_the_content_is_erased_during_the_computation(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as conn:
        found = map_world.store(conn, {"cats": {"ann": 1, "ben": 1}, "dogs": {"ann": 1, "ben": 1}})
        map_world.make_due(conn, "cats")
        node = due_nodes.take_due(conn)
        assert node is not None
    compute = map_links.strongest

    def erased_meanwhile(*args: Any, **options: Any) -> Any:
        erasure.start_of_subreddit(database, found["cats"])
        erasure.work(database)
        return compute(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(map_links, "strongest", erased_meanwhile)
        map_link_computing.compute(database, node)
    assert len(map_world.stored_links(database)) == 1, "the computation had read the activity"
    assert map_world.update(database) == 1
    assert map_world.stored_links(database) == {}


def test_links_are_computed_again_after_a_failure(
    database: Database,
) -> None:
    with database.begin() as conn:
        map_world.store(conn, {"cats": {"ann": 1}, "dogs": {"ann": 1}})
        map_world.make_due(conn, "cats", "dogs")
        taken = due_nodes.take_due(conn)  # this process dies now
        assert taken is not None
        later = taken.now + timedelta(minutes=59)
        assert due_nodes.take_due(conn, now=later) is not None, "the other is not delayed"
        assert due_nodes.take_due(conn, now=later) is None
        again = due_nodes.take_due(conn, now=later + timedelta(minutes=2))
        assert again is not None
        assert again.subreddit_id == taken.subreddit_id


def test_a_clock_that_was_set_back_does_not_stop_the_map(
    database: Database,
) -> None:
    members = {"cats": {"ann": 1, "ben": 1}, "dogs": {"ann": 1, "ben": 1}}
    with database.begin() as conn:
        map_world.store(conn, members)
        map_world.make_due(conn, *members)
    map_world.update(database)
    with database.begin() as conn:
        conn.execute(
            text(
                "UPDATE map_nodes SET due_at = due_at + interval '1 year',"
                " links_at = links_at + interval '1 year'"
            )
        )
        conn.execute(text("UPDATE maintenance_runs SET last_run_at = now() + interval '1 year'"))
    assert map_world.update(database) == 2
    with database.read() as conn:
        latest = conn.execute(text("SELECT max(links_at) <= now() FROM map_nodes")).scalar_one()
        assert latest


def test_a_turn_is_followed_by_a_pause_for_all_workers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as conn:
        map_world.store(conn, {f"sub{number}": {} for number in range(3)})
        map_world.make_due(conn, "sub0", "sub1", "sub2")
    monkeypatch.setattr(map_updating, "TURN_SECONDS", 0.0)
    updating, other = (
        MapUpdating(database, threading.Event(), core_share=0.0001) for _ in range(2)
    )
    assert updating.run() == 1
    assert other.run() == 0, "the pause holds for all workers"
    with database.read() as conn:
        pause = conn.execute(
            text("SELECT last_run_at - now() FROM maintenance_runs WHERE task = 'map'")
        ).scalar_one()
    assert timedelta(seconds=1) < pause <= map_updating.HOLD


def test_communities_are_named_by_their_largest_member(
    database: Database,
) -> None:
    animals = {name: {f"a{number}": 1 for number in range(9)} for name in ("cats", "dogs", "fish")}
    stars = {name: {f"s{number}": 1 for number in range(9)} for name in ("moon", "mars")}
    stars["moon"]["a1"] = stars["mars"]["a2"] = 1
    with database.begin() as conn:
        map_world.store(conn, {**animals, **stars, "alone": {"x": 1}})
        conn.execute(text("UPDATE subreddits SET subscribers = 70 WHERE name IN ('dogs', 'mars')"))
        map_world.make_due(conn, *animals, *stars, "alone")
    map_world.update(database)
    expected = dict.fromkeys(animals, "dogs") | dict.fromkeys(stars, "mars") | {"alone": None}
    assert communities(database) == expected
    assert community_computing.compute(database) == 0, "equal links give equal communities"


def test_large_subreddits_are_read_in_chunks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EDGES_CHUNK", "AUTHORS_CHUNK", "COUNTS_CHUNK"):
        monkeypatch.setattr(shared_authors, name, 3)
    members = drawn(12, 60, seed=4)
    with database.begin() as conn:
        map_world.store(conn, members)
        map_world.make_due(conn, *members)
    map_world.update(database)
    found = {pair: weight for pair, (_, weight) in map_world.stored_links(database).items()}
    assert found == pytest.approx(map_world.expected_weights(members))
