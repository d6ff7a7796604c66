"""A client that sends too many wrong tokens must wait before its next try.

Other clients need not.
"""

from ipaddress import ip_address

from admin_api.http import login_throttle
from admin_api.http.login_throttle import (
    CLIENTS_MAX,
    FAILURES_ALLOWED,
    WINDOW_SECONDS,
    FailedLogins,
)

HERE, THERE = ip_address("192.0.2.1"), ip_address("192.0.2.2")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def fail(logins: FailedLogins, times: int, client: object = HERE) -> list[float]:
    return [logins.record_failure(client) for _ in range(times)]  # type: ignore[arg-type]


def test_the_eleventh_wrong_token_of_a_minute_has_to_wait_for_its_end() -> None:
    clock = Clock()
    logins = FailedLogins(clock)
    assert fail(logins, FAILURES_ALLOWED) == [0.0] * FAILURES_ALLOWED
    clock.now += 20
    assert fail(logins, 2) == [WINDOW_SECONDS - 20] * 2
    assert logins.record_failure(THERE) == 0.0
    clock.now += WINDOW_SECONDS - 20 - 0.001
    assert 0 < logins.record_failure(HERE) < 0.01
    clock.now += 0.001
    assert fail(logins, FAILURES_ALLOWED) == [0.0] * FAILURES_ALLOWED
    assert logins.record_failure(HERE) == WINDOW_SECONDS


def test_a_client_has_10_wrong_tokens_a_minute() -> None:
    clock = Clock()
    logins = FailedLogins(clock)
    assert fail(logins, 11) == [*[0.0] * 10, 60.0]
    clock.now += 59.5
    assert fail(logins, 1) == [0.5]
    clock.now += 0.5
    assert fail(logins, 11) == [*[0.0] * 10, 60.0]


def test_a_network_of_ipv6_is_one_client_and_an_unknown_address_is_one_too() -> None:
    logins = FailedLogins(Clock())
    fail(logins, FAILURES_ALLOWED, ip_address("2001:db8::1"))
    assert logins.record_failure(ip_address("2001:db8:0:0:ffff::9")) > 0
    assert logins.record_failure(ip_address("2001:db8:0:1::1")) == 0.0
    fail(logins, FAILURES_ALLOWED, None)
    assert logins.record_failure(None) > 0


def test_the_client_that_was_unseen_for_longest_is_forgotten() -> None:
    logins = FailedLogins(Clock())
    fail(logins, FAILURES_ALLOWED)
    fail(logins, FAILURES_ALLOWED, THERE)
    for number in range(CLIENTS_MAX - 2):
        logins.record_failure(ip_address(0x0A000000 + number))
    # This makes HERE the newest client, so that THERE is forgotten first.
    assert logins.record_failure(HERE) > 0
    logins.record_failure(ip_address(0x0B000000))
    assert logins.record_failure(HERE) > 0
    assert logins.record_failure(THERE) == 0.0
    assert len(logins._windows) == CLIENTS_MAX
    assert login_throttle.IPV6_PREFIX == 64
