import pytest

from crawljobs import errors
from crawljobs.domain import subreddit


@pytest.mark.parametrize(
    "name", ["python", "AskReddit", "a_1", "u_some-one", "x" * 21, "u_" + "x" * 20]
)
def test_a_valid_name_is_kept_as_written(name: str) -> None:
    assert subreddit.checked_name(name) == name
    assert subreddit.checked_name(f"r/{name}") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "x" * 22,
        "a b",
        "a/b",
        "..",
        "python\n",
        "pyth\x00on",
        "питон",
        "a?b",
        "r/r/a",
        "u_" + "x" * 21,
        "u_" + "-" * 21,
        "u_-",
    ],
)
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(errors.InvalidSubredditName, match="2 to 21 letters"):
        subreddit.checked_name(name)


@pytest.mark.parametrize(
    "link",
    [
        "https://www.reddit.com/r/python/",
        "http://old.reddit.com/r/python/new/?after=t3_x",
        "reddit.com/r/python",
        "/r/python/",
    ],
)
def test_a_link_is_answered_with_the_name_in_it(link: str) -> None:
    with pytest.raises(errors.InvalidSubredditName, match=r": give only 'python'$"):
        subreddit.checked_name(link)


LISTINGS = ["all", "popular", "mod", "friends", "random", "randnsfw", "myrandom", "home"]
LISTINGS += ["dashboard", "subreddits", "contrib", "ALL", "r/all", "/r/Popular"]


@pytest.mark.parametrize("name", LISTINGS)
def test_a_listing_of_reddits_own_is_no_subreddit(name: str) -> None:
    with pytest.raises(errors.InvalidSubredditName, match="a listing of Reddit's own"):
        subreddit.checked_name(name)


@pytest.mark.parametrize("name", ["python+rust", "r/python+golang+rust", "all+popular", "a1+"])
def test_several_subreddits_joined_are_refused_with_the_reason(name: str) -> None:
    with pytest.raises(errors.InvalidSubredditName, match="each subreddit by itself"):
        subreddit.checked_name(name)


@pytest.mark.parametrize("name", ["allthings", "popular_", "homes", "modnews", "u_all", "ran_dom"])
def test_a_name_that_only_begins_like_a_listing_is_one(name: str) -> None:
    assert subreddit.checked_name(name) == name


def test_an_error_repeats_60_characters_of_the_name() -> None:
    with pytest.raises(errors.InvalidSubredditName) as refused:
        subreddit.checked_name("-" * 61)
    assert str(refused.value).endswith(f"got {'-' * 60!r}")
    with pytest.raises(errors.InvalidSubredditName, match="joins several") as refused:
        subreddit.checked_name("aa+" * 30)
    assert str(refused.value).startswith(repr(("aa+" * 30)[:60]) + " joins")
