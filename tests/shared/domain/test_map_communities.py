"""Communities: label propagation over weighted links."""

import random
import time
from itertools import combinations

from crawljobs.domain.map_communities import LinkGraph, named_by_largest

Links = list[tuple[int, int, float]]


def clique(members: range, weight: float) -> Links:
    return [(a, b, weight) for a, b in combinations(members, 2)]


def communities(links: Links) -> set[frozenset[int]]:
    found: dict[int, set[int]] = {}
    for subreddit_id, label in LinkGraph(links).labels().items():
        found.setdefault(label, set()).add(subreddit_id)
    return {frozenset(members) for members in found.values()}


def test_two_cliques_with_a_weak_link_are_two_communities() -> None:
    links = [*clique(range(1, 6), 0.5), *clique(range(10, 16), 0.4), (5, 10, 0.1)]
    assert communities(links) == {frozenset(range(1, 6)), frozenset(range(10, 16))}


def test_many_weak_links_to_large_subreddits_do_not_join_communities() -> None:
    large = range(100, 120)
    links = [*clique(large, 0.5), *clique(range(1, 4), 0.3), *clique(range(4, 7), 0.3)]
    links += [(small, hub, 0.05) for small in range(1, 7) for hub in large]
    found = {frozenset(range(1, 4)), frozenset(range(4, 7)), frozenset(large)}
    assert communities(links) == found


def test_a_pair_is_one_community() -> None:
    assert communities([(1, 2, 0.5)]) == {frozenset({1, 2})}


def test_the_order_of_the_links_does_not_matter() -> None:
    drawn = random.Random(5)
    pairs = {tuple(sorted(drawn.sample(range(300), 2))) for _ in range(1_500)}
    links = [(a, b, drawn.choice([0.1, 0.2, 0.3])) for a, b in sorted(pairs)]
    expected = LinkGraph(links).labels()
    for _ in range(3):
        drawn.shuffle(links)
        assert LinkGraph(links).labels() == expected


def test_without_links_there_are_no_communities() -> None:
    assert LinkGraph([]).labels() == {}


def test_a_hub_with_equal_links_ends_and_takes_linear_time() -> None:
    def seconds(leaves: int) -> float:
        began = time.process_time()
        LinkGraph([(1, leaf, 0.5) for leaf in range(2, leaves)]).labels()
        return time.process_time() - began

    seconds(2_000)  # the first run also loads caches
    assert seconds(40_000) < 30 * max(seconds(4_000), 0.002)


def test_a_community_is_named_by_its_largest_member() -> None:
    labels = {1: 1, 2: 1, 3: 1, 4: 4}
    assert named_by_largest(labels, {1: 5, 2: 9, 3: 9}) == {1: 2, 2: 2, 3: 2, 4: None}
