"""The weight of a link, the sample of authors, and the choice of the strongest links."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from crawljobs.domain import map_links
from crawljobs.domain.map_links import SAMPLE_MAX, TOP_LINKS, Link, Sample, strongest

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_weight_is_the_cosine_of_the_sets_of_authors() -> None:
    (link,) = strongest({7: 3}, {7: 9}, sampled=4, author_count=4)
    assert link == Link(7, 3, pytest.approx(3 / math.sqrt(4 * 9)), is_exact=True)


def test_links_are_sorted_by_weight_then_by_id_and_limited() -> None:
    shared = {**dict.fromkeys(range(100, 200), 2), 300: 5}
    links = strongest(shared, dict.fromkeys(shared, 10), sampled=10, author_count=10)
    assert [link.other for link in links] == [300, *range(100, 100 + TOP_LINKS - 1)]


def test_one_shared_author_makes_no_link() -> None:
    assert strongest({7: 1}, {7: 1}, sampled=1, author_count=1) == []


@pytest.mark.parametrize("stored", [{}, {7: 0}, {7: 2}])
def test_an_old_count_of_authors_never_makes_a_weight_above_one(stored: dict[int, int]) -> None:
    (link,) = strongest({7: 4}, stored, sampled=4, author_count=4)
    assert link.weight == 1.0


def test_a_sample_estimates_the_number_of_shared_authors() -> None:
    small, large = 10_000, 1_000_000
    links = strongest(
        {1: 500, 2: 500}, {1: small, 2: large}, sampled=SAMPLE_MAX, author_count=50_000
    )
    assert [link.shared_authors for link in links] == [5_000, 5_000]
    assert [link.is_exact for link in links] == [False, True]
    assert links[0].weight == pytest.approx(5_000 / math.sqrt(50_000 * small))


def test_the_sample_keeps_the_most_recent_authors() -> None:
    sample = Sample()
    for author_id in range(1, SAMPLE_MAX + 101):
        sample.add(author_id, T0 + timedelta(minutes=author_id % 7 == 0))
    recent = [one for one in range(1, SAMPLE_MAX + 101) if one % 7 == 0]
    others = [one for one in range(1, SAMPLE_MAX + 101) if one % 7]
    assert sample.author_count == SAMPLE_MAX + 100
    assert sample.author_ids == sorted(recent + others[: SAMPLE_MAX - len(recent)])
    assert len(sample.author_ids) == map_links.SAMPLE_MAX
