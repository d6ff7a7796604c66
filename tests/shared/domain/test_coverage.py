"""What the end of a walk says about the items that it has seen."""

import pytest

from crawljobs.domain.coverage import Walk, WalkEnd


@pytest.mark.parametrize(
    ("end", "is_whole", "is_complete", "covers_all"),
    [
        (None, False, False, False),
        (WalkEnd.MARK, False, True, False),
        (WalkEnd.FIRST_ITEM, True, True, True),
        (WalkEnd.CAP, True, True, False),
        (WalkEnd.LIMIT, True, True, False),
        (WalkEnd.LOST, False, False, False),
        (WalkEnd.LOOP, False, False, False),
    ],
)
def test_the_end_of_a_walk_decides_what_it_covers(
    end: WalkEnd | None, is_whole: bool, is_complete: bool, covers_all: bool
) -> None:
    walk = Walk(end=end)
    assert walk.is_whole is is_whole
    assert walk.is_complete is is_complete
    assert walk.covers_all is covers_all
