"""The windows in which refusals are counted: their time, their number, their ends."""

from admin_api.http.refusal_counts import OTHERS, Key, RefusalCounts
from crawljobs.domain.actor import Actor

NAME = "reader"
TOKEN_ID = "00000000000a"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def actor(token_id: str | None = TOKEN_ID) -> Actor:
    return Actor(name=NAME, token_id=token_id, request_id="mine", client_address="192.0.2.1")


def refuse(
    counts: RefusalCounts, route: str = "/a", token_id: str | None = TOKEN_ID, status: int = 404
) -> Key | None:
    return counts.opens_window(actor(token_id), ("POST", route, "not_found"), status)


def test_a_window_ends_after_ten_minutes() -> None:
    clock = Clock()
    counts = RefusalCounts(clock)
    assert refuse(counts) == Key(TOKEN_ID, NAME, ("POST", "/a", "not_found"))
    assert refuse(counts) is None
    assert refuse(counts, status=409) is None
    clock.now += 599.5
    assert counts.pop_finished() == []
    clock.now += 0.5
    (count,) = counts.pop_finished()
    assert (count.count, count.status) == (2, 409)
    assert (count.actor.request_id, count.actor.client_address) == (None, "192.0.2.1")
    assert count.since <= count.until
    shown = count.as_json()
    assert (shown["method"], shown["path"], shown["code"]) == ("POST", "/a", "not_found")
    assert shown["since"].endswith("Z")
    assert shown["until"].endswith("Z")
    assert refuse(counts) is not None


def test_a_window_without_further_refusals_has_no_count() -> None:
    clock = Clock()
    counts = RefusalCounts(clock)
    refuse(counts)
    clock.now += 600
    assert counts.pop_finished() == []
    refuse(counts)
    assert counts.pop_finished(include_open=True) == []


def test_a_token_has_20_windows_and_one_for_all_others() -> None:
    counts = RefusalCounts(Clock())
    keys = [refuse(counts, f"/{number}") for number in range(20)]
    assert [key.request[1] for key in keys if key] == [f"/{number}" for number in range(20)]
    other = refuse(counts, "/20")
    assert other is not None
    assert other.request == OTHERS
    assert refuse(counts, "/21") is None
    assert refuse(counts, "/0") is None
    assert refuse(counts, "/0", "00000000000b") is not None
    assert refuse(counts, "/0", None) is not None
    popped = counts.pop_finished(include_open=True)
    assert {count.key.request[1]: count.count for count in popped} == {"other": 1, "/0": 1}


def test_above_2000_windows_the_oldest_ends_and_its_count_is_kept() -> None:
    counts = RefusalCounts(Clock())
    tokens = [f"{number:012x}" for number in range(2_000)]
    for token_id in tokens:
        assert refuse(counts, token_id=token_id) is not None
    assert refuse(counts, token_id=tokens[0]) is None
    assert refuse(counts, token_id=tokens[1]) is None
    assert refuse(counts, token_id="another") is not None
    assert refuse(counts, token_id=tokens[1]) is None
    (ended,) = counts.pop_finished()
    assert (ended.key.token_id, ended.count) == (tokens[0], 1)
    assert refuse(counts, token_id=tokens[0]) is not None


def test_a_window_that_is_closed_keeps_its_count() -> None:
    counts = RefusalCounts(Clock())
    key = refuse(counts)
    assert key is not None
    counts.close_window(key)
    assert counts.pop_finished(include_open=True) == []
    counts.close_window(key)  # which is closed already
    assert refuse(counts) == key
    refuse(counts)
    counts.close_window(key)
    (count,) = counts.pop_finished()
    assert count.count == 1
    counts.put_back([count])
    refuse(counts)
    refuse(counts)
    first, second = counts.pop_finished(include_open=True)
    assert first is count
    assert second.count == 1
