"""The exact amounts of the quotas: requests, exports and stored bytes of a token."""

import pytest

from admin_api.http.quotas import Exports, RequestRates, StoredResponses

PER_DAY = 40_960  # bytes, of which a token can use an eighth at once: 10 keys of 512 bytes


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_below_one_a_second_allows_one_request_at_a_time() -> None:
    clock = Clock()
    rates = RequestRates(0.5, clock)
    rates.remember(b"one")
    assert rates.take(b"one") == 2.0
    clock.now += 1.5
    assert rates.take(b"one") == 0.5
    clock.now += 0.5
    assert [rates.take(b"one") for _ in range(2)] == [0.0, 2.0]


def test_a_token_that_is_remembered_again_gets_no_new_requests() -> None:
    rates = RequestRates(2, Clock())
    rates.remember(b"one")
    assert rates.take(b"one") == 0.0
    rates.remember(b"one")
    assert rates.take(b"one") == 0.5


def test_a_request_in_vain_costs_nothing() -> None:
    clock = Clock()
    rates = RequestRates(2, clock)
    rates.remember(b"one")
    assert [rates.take(b"one") for _ in range(4)] == [0.0, 0.5, 0.5, 0.5]
    clock.now += 0.25
    assert rates.take(b"one") == 0.25
    clock.now += 0.25
    assert rates.take(b"one") == 0.0


@pytest.mark.parametrize(
    ("in_total", "others", "exempt"), [(1, 1, 1), (2, 1, 2), (3, 2, 3), (8, 7, 8)]
)
def test_the_last_place_of_several_is_for_the_operator(
    in_total: int, others: int, exempt: int
) -> None:
    for is_exempt, places in ((False, others), (True, exempt)):
        exports = Exports(per_token=0, in_total=in_total)
        begun = [exports.begin("one", is_exempt=is_exempt) for _ in range(in_total + 1)]
        assert sum(begun) == places
        assert begun == sorted(begun, reverse=True)


def test_ended_exports_take_no_memory() -> None:
    exports = Exports(per_token=2, in_total=8)
    for number in range(100):
        assert exports.begin(str(number), is_exempt=False)
        exports.end(str(number))
    assert len(exports._running) == 0


def test_a_token_can_store_ten_keys_at_once_and_one_more_after_18_minutes() -> None:
    clock = Clock()
    stored = StoredResponses(PER_DAY, clock)
    assert [stored.take("one", 0) for _ in range(9)] == [True] * 9
    assert stored.seconds_until_room("one") == 0.0
    assert stored.take("one", 0)
    assert stored.seconds_until_room("one") == 1_080.0
    clock.now += 1_000
    assert stored.seconds_until_room("one") == pytest.approx(80)
    clock.now += 80
    assert stored.seconds_until_room("one") == pytest.approx(0, abs=1e-6)
    assert stored.seconds_until_room("two") == 0.0


def test_a_key_needs_room_to_the_last_byte() -> None:
    stored = StoredResponses(PER_DAY, Clock())
    assert not stored.take("one", 10 * 512 - 511)
    assert stored.take("one", 8 * 512 - 511)  # 511 bytes are left
    assert stored.seconds_until_room("one") == pytest.approx(86_400 / PER_DAY)
    stored = StoredResponses(PER_DAY, Clock())
    assert stored.take("one", 9 * 512 - 512)
    assert stored.seconds_until_room("one") == 0.0


def test_a_key_whose_response_has_no_room_costs_only_the_key() -> None:
    stored = StoredResponses(PER_DAY, Clock())
    for _ in range(9):
        assert not stored.take("one", 10_000)
    assert stored.seconds_until_room("one") == 0.0
    assert not stored.take("one", 1)
    assert stored.seconds_until_room("one") == 1_080.0
