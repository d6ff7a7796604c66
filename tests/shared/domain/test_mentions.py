"""The words of a text that are names of other subreddits."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawljobs.domain import mentions


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see r/Rust and /r/golang.", ("rust", "golang")),
        ("(r/rust), **r/rust**", ("rust",)),
        ("https://www.reddit.com/r/Zig/comments/abc/", ("zig",)),
        ("r/u_somebody u/somebody r/", ()),
        ("r/a or/b car/rust xr/rust r/waytoolongforasubredditname", ()),
        ("r/python is here", ()),
        ("r/name-with-dash", ("name",)),
        ("r/all, r/Popular and r/rust", ("rust",)),
        ("r/\u043f\u0438\u0442\u043e\u043d r/ru\u0441\u0442", ("ru",)),
        ("", ()),
    ],
)
def test_names_are_found_in_lower_case_once_without_profiles_and_home(
    text: str, found: tuple[str, ...]
) -> None:
    assert mentions.find(text, home="Python") == found


def test_title_and_text_are_both_read_and_either_may_be_missing() -> None:
    assert mentions.find("r/aa", None, "r/bb", home="x") == ("aa", "bb")


def test_a_text_of_nothing_but_names_leads_to_few_and_takes_no_time() -> None:
    text = " ".join(f"r/name{n}" for n in range(5_000))
    begun = time.monotonic()
    assert len(mentions.find(text, "r/" * 25_000, home="x")) == mentions.PER_ITEM_MAX
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("place", [0, 5, 10])
def test_the_name_of_home_leaves_room_for_as_many_others(place: int) -> None:
    others = [f"name{n}" for n in range(mentions.PER_ITEM_MAX)]
    named = [*others[:place], "home", *others[place:], "name_too_many"]
    text = " ".join(f"r/{name}" for name in named)
    assert mentions.find(text, home="Home") == tuple(others)


@given(st.text(alphabet="r/aA_0\u043f -\n", max_size=60))
def test_whatever_is_found_fits_the_tables_check(text: str) -> None:
    for name in mentions.find(text, home="python"):
        assert name == name.lower()
        assert name.isascii()
        assert 2 <= len(name) <= 21
