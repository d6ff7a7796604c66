"""All workers with the same client id share one request budget."""

import collections
import heapq
import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.request_budget import BudgetReport, Slot
from crawljobs.repository.reddit_api import reddit_budgets, reddit_pauses, slot_reservation

# A window of ten minutes begins at this time.
T0 = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
CLIENT = "client"
EVEN = 600 / 970  # seconds between two requests if no other program uses the budget


def reserve(
    conn: Connection,
    now: datetime = T0,
    *,
    longest_wait: float = 10_000,
    longest_queue: float | None = None,
) -> Slot:
    return slot_reservation.reserve_slot(
        conn, client_id=CLIENT, longest_wait=longest_wait, longest_queue=longest_queue, now=now
    )


FIRST = Slot(0.0, taken=True, number=1)


def learn(
    conn: Connection,
    used: int,
    remaining: int,
    reset: int,
    now: datetime = T0,
    *,
    slot: Slot = FIRST,
) -> None:
    report = BudgetReport(used=used, remaining=remaining, reset_seconds=reset)
    reddit_budgets.learn_from_reply(conn, client_id=CLIENT, slot=slot, report=report, now=now)


def pause(
    conn: Connection,
    seconds: float | None,
    now: datetime = T0,
    *,
    good_ago: float | None = None,
) -> float:
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=seconds, good_ago=good_ago, now=now)
    return reddit_pauses.pause_left(conn, client_id=CLIENT, now=now)


def test_the_first_request_may_start_at_once_and_the_next_ones_evenly(conn: Connection) -> None:
    delays = [reserve(conn).delay_seconds for _ in range(4)]
    assert delays == pytest.approx([0, EVEN, 2 * EVEN, 3 * EVEN], abs=1e-4)


def test_unused_slots_are_not_saved_up_for_a_burst(conn: Connection) -> None:
    reserve(conn)
    later = T0 + timedelta(minutes=3)
    assert reserve(conn, later).delay_seconds == 0
    assert reserve(conn, later).delay_seconds == pytest.approx(EVEN, abs=1e-4)


def test_a_slot_later_than_the_caller_waits_is_told_but_not_taken(conn: Connection) -> None:
    reserve(conn)
    refused = reserve(conn, longest_wait=0.1)
    assert (refused.taken, refused.delay_seconds) == (False, pytest.approx(EVEN, abs=1e-4))
    assert reserve(conn) == Slot(
        pytest.approx(EVEN, abs=1e-4), taken=True, expires_seconds=pytest.approx(600), number=2
    )


def test_who_takes_no_slot_behind_a_queue_leaves_it_to_the_others(conn: Connection) -> None:
    assert [reserve(conn, longest_queue=3).taken for _ in range(6)] == [True] * 4 + [False] * 2
    assert reserve(conn).taken
    assert not reserve(conn, T0 + timedelta(seconds=EVEN), longest_queue=3).taken
    assert reserve(conn, T0 + timedelta(seconds=3 * EVEN), longest_queue=3).taken


@pytest.mark.parametrize(("cap", "taken"), [(10, 4), (1_000_000, 405)])
def test_a_queue_is_counted_in_slots_however_far_apart_but_for_a_moment_of_them(
    conn: Connection, cap: int, taken: int
) -> None:
    reserve(conn)
    learn(conn, 1, cap - 1, 600)
    now = T0 + timedelta(seconds=90)
    slots = [reserve(conn, now, longest_queue=3) for _ in range(1_000)]
    assert sum(slot.taken for slot in slots) == pytest.approx(taken, abs=1)
    assert not reserve(conn, now, longest_queue=3, longest_wait=0.0001).taken


def test_no_window_gives_more_than_97_percent_of_the_cap(conn: Connection) -> None:
    per_window: collections.Counter[int] = collections.Counter()
    workers = [(0.0, worker) for worker in range(30)]
    while True:
        at, worker = heapq.heappop(workers)
        if at >= 3 * 600:
            break
        start = at + reserve(conn, T0 + timedelta(seconds=at)).delay_seconds
        per_window[int(start // 600)] += 1
        heapq.heappush(workers, (start + 0.05 * (worker % 7), worker))
    assert max(per_window.values()) <= 970
    assert min(per_window[0], per_window[1]) >= 0.95 * 970


def test_what_another_consumer_used_slows_everybody_down(conn: Connection) -> None:
    reserve(conn)
    learn(conn, used=670, remaining=330, reset=600)
    first = reserve(conn).delay_seconds
    second = reserve(conn).delay_seconds
    # Of the 970 usable requests, 300 are left for the ten minutes.
    assert second - first == pytest.approx(2.0, abs=0.02)


def test_what_is_reserved_for_later_does_not_hide_another_consumer(conn: Connection) -> None:
    slots = [reserve(conn) for _ in range(50)]
    learn(conn, used=25, remaining=975, reset=599, slot=slots[4])
    assert used_by_others(conn) == 20
    learn(conn, used=26, remaining=974, reset=598, slot=slots[5])
    assert used_by_others(conn) == 20


def used_by_others(conn: Connection) -> int:
    reserved, others = conn.execute(text("SELECT reserved, others FROM reddit_budgets")).one()
    assert reserved == 50 + others
    return int(others)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.7])
def test_beside_another_consumer_no_request_is_too_many_and_nearly_none_is_left(
    conn: Connection, share: float
) -> None:
    """40 callers wait for their slots. Reddit's count arrives half a second late."""
    conn.execute(text("INSERT INTO reddit_budgets (client_id) VALUES (:id)"), {"id": CLIENT})
    counted: collections.Counter[str] = collections.Counter()
    their_gap = 600 / (1000 * share) if share else 10_000.0
    events = [(0.0, "reserve", Slot(0, taken=True))] * 40 + [(their_gap, "other", FIRST)]
    heapq.heapify(events := [(at, n, what, slot) for n, (at, what, slot) in enumerate(events)])
    numbers = itertools.count(len(events))
    while events[0][0] < 600:
        at, _, what, slot = heapq.heappop(events)
        now = T0 + timedelta(seconds=at)
        if what == "reserve":
            slot = reserve(conn, now)
            heapq.heappush(events, (at + slot.delay_seconds, next(numbers), "send", slot))
        elif what == "send":
            counted["ours"] += 1
            heapq.heappush(events, (at + 0.5, next(numbers), "reply", slot))
        elif what == "reply":
            used = counted.total()
            learn(conn, used, max(0, 1000 - used), int(600 - at), now, slot=slot)
            heapq.heappush(events, (at, next(numbers), "reserve", slot))
        else:
            counted["theirs"] += 1
            heapq.heappush(events, (at + their_gap, next(numbers), "other", slot))
    assert counted.total() <= 1000
    assert counted["ours"] >= 0.95 * (970 - counted["theirs"])


def test_a_spent_window_is_waited_out(conn: Connection) -> None:
    reserve(conn)
    learn(conn, used=1000, remaining=0, reset=400, now=T0 + timedelta(seconds=200))
    assert reserve(conn, T0 + timedelta(seconds=200)).delay_seconds == pytest.approx(400)


def test_headers_never_give_back_what_was_reserved(conn: Connection) -> None:
    slots = [reserve(conn) for _ in range(10)]
    learn(conn, used=2, remaining=998, reset=598, slot=slots[1])
    reserved = conn.execute(text("SELECT reserved FROM reddit_budgets")).scalar_one()
    assert reserved == 10


def test_a_late_reply_with_another_cap_gives_back_nothing_either(conn: Connection) -> None:
    """The reply's cap is new, but its count of requests is older than the known count."""
    slots = [reserve(conn) for _ in range(50)]
    learn(conn, used=25, remaining=975, reset=599, slot=slots[4])
    assert used_by_others(conn) == 20
    learn(conn, used=3, remaining=1_997, reset=598, slot=slots[2])
    assert used_by_others(conn) == 20
    cap = "SELECT requests_per_window FROM reddit_budgets"
    assert conn.execute(text(cap)).scalar_one() == 2_000


def test_a_late_reply_does_not_spend_the_next_window(conn: Connection) -> None:
    after_the_edge = T0 + WINDOW + timedelta(seconds=1)
    reserve(conn, after_the_edge)
    learn(conn, used=970, remaining=30, reset=0, now=after_the_edge)
    assert reserve(conn, after_the_edge).delay_seconds < 1


def test_a_larger_cap_is_used_at_once(conn: Connection) -> None:
    for _ in range(20):
        reserve(conn)  # spread over the next twelve seconds for the default cap
    learn(conn, used=1, remaining=99_999, reset=600)
    assert [reserve(conn).delay_seconds for _ in range(10)][-1] < 0.1


def test_a_smaller_cap_is_respected(conn: Connection) -> None:
    reserve(conn)
    learn(conn, used=1, remaining=59, reset=599)
    first = reserve(conn).delay_seconds
    assert reserve(conn).delay_seconds - first > 10


def test_a_reply_that_tells_nothing_new_writes_nothing(conn: Connection) -> None:
    reserve(conn)
    version = "SELECT ctid FROM reddit_budgets"
    before = conn.execute(text(version)).scalar_one()
    learn(conn, used=1, remaining=999, reset=599)
    assert conn.execute(text(version)).scalar_one() == before


def test_a_pause_moves_every_later_slot_behind_it(conn: Connection) -> None:
    reserve(conn)
    assert pause(conn, 4) == pytest.approx(4)
    assert reserve(conn).delay_seconds == pytest.approx(4)


def test_a_pause_that_does_not_say_how_long_doubles_each_time(conn: Connection) -> None:
    reserve(conn)
    now, pauses = T0, []
    for _ in range(9):
        left = pause(conn, None, now)
        pauses.append(round(left))
        now += timedelta(seconds=left + 1)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]


def test_echoes_of_one_429_do_not_double_the_pause(conn: Connection) -> None:
    reserve(conn)
    assert [round(pause(conn, None)) for _ in range(12)] == [5] * 12


def test_echoes_of_one_429_do_not_prolong_the_pause(conn: Connection) -> None:
    reserve(conn)
    assert pause(conn, None) == pytest.approx(5)
    for second in (1, 2, 4):
        assert pause(conn, None, T0 + timedelta(seconds=second)) == pytest.approx(5 - second)


def test_a_window_without_a_429_after_the_pause_ends_the_series(conn: Connection) -> None:
    reserve(conn)
    pause(conn, None)
    assert pause(conn, None, T0 + timedelta(seconds=604)) == pytest.approx(10)
    assert pause(conn, None, T0 + timedelta(seconds=604 + 610)) == pytest.approx(5)


@pytest.mark.parametrize(
    ("good_ago", "expected"),
    [
        (None, 10),
        (30, 10),  # its request was sent before the pause
        (6, 10),  # its request was sent during the pause
        (4, 5),  # sent after the pause of 5 s, which ended 5 s ago
        (0, 5),
    ],
)
def test_a_good_reply_after_the_pause_ends_the_series(
    conn: Connection, good_ago: float | None, expected: int
) -> None:
    reserve(conn)
    pause(conn, None)
    later = T0 + timedelta(seconds=10)
    assert pause(conn, None, later, good_ago=good_ago) == pytest.approx(expected)
    row = conn.execute(text("SELECT throttles_in_a_row FROM reddit_budgets")).one()
    assert row.throttles_in_a_row == (2 if expected == 10 else 1)


def test_a_shorter_pause_does_not_end_a_longer_one(conn: Connection) -> None:
    reserve(conn)
    pause(conn, 60)
    assert pause(conn, 2) == pytest.approx(60)


def test_nobody_is_paused_before_the_first_request(conn: Connection) -> None:
    assert reddit_pauses.pause_left(conn, client_id="never seen") == 0


def test_two_client_ids_have_budgets_of_their_own(conn: Connection) -> None:
    reserve(conn)
    pause(conn, 60)
    other = slot_reservation.reserve_slot(conn, client_id="other", longest_wait=1, now=T0)
    assert other == Slot(0.0, taken=True, expires_seconds=pytest.approx(600), number=1)


def test_a_slot_is_worth_nothing_beyond_its_window(conn: Connection) -> None:
    assert reserve(conn, T0 + timedelta(minutes=9)).expires_seconds == pytest.approx(60)
    learn(conn, used=1000, remaining=0, reset=60, now=T0 + timedelta(minutes=9))
    next_window = reserve(conn, T0 + timedelta(minutes=9))
    assert next_window.delay_seconds == pytest.approx(60)
    assert next_window.expires_seconds == pytest.approx(660)


def test_workers_that_reserve_at_once_never_get_the_same_slot(database: Database) -> None:
    slots: list[float] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(20):
            slot = database.run(
                lambda conn: slot_reservation.reserve_slot(
                    conn, client_id=CLIENT, longest_wait=10_000, now=T0
                )
            )
            with lock:
                slots.append(slot.delay_seconds)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    slots.sort()
    assert len(slots) == 100
    gaps = [after - before for before, after in itertools.pairwise(slots)]
    assert min(gaps) == pytest.approx(EVEN, abs=1e-3)


@pytest.mark.parametrize(
    ("used", "cap"), [(931, 600), (601, 600), (600, 600), (1200, 600), (412, 412)]
)
def test_a_window_with_nothing_left_raises_no_cap(conn: Connection, used: int, cap: int) -> None:
    reserve(conn)
    learn(conn, 1, 599, 380)
    learn(conn, used, 0, 380)
    query = text("SELECT requests_per_window FROM reddit_budgets")
    assert conn.execute(query).scalar_one() == cap
