"""Whether a database lives is told within two seconds, whatever the probes' connection was like."""

import time

import pytest

from crawljobs.db.database import Database
from crawljobs.db.limits import PROBING
from crawljobs.db.pulse import ANSWER_SECONDS, LATE_SECONDS, Pulse
from support import tcp_proxy
from support.waiting import wait_until

LOST_SECONDS = 2.0 - LATE_SECONDS  # nobody asks before a reply is late
SLACK_SECONDS = 1.0  # of a machine that runs other tests too


@pytest.mark.parametrize("was_connected", [True, False])
def test_a_silent_database_is_lost_with_and_without_a_connection_of_the_probes(
    database_url: str, *, was_connected: bool
) -> None:
    with tcp_proxy.serve(database_url) as proxy:
        probes = Database(proxy.url, pool_size=1, limits=PROBING)
        pulse = Pulse(probes.ask)
        if was_connected:
            probes.ask()
        proxy.stall()
        began = time.monotonic()
        wait_until(pulse.is_lost, timeout=5, describe="the silence to be noticed")
        assert time.monotonic() - began < LOST_SECONDS + SLACK_SECONDS
        proxy.heal(lose=True)
        wait_until(lambda: not pulse.is_lost(), timeout=5, describe="a sign of life")
        probes.close()


def test_a_database_that_refuses_is_not_lost() -> None:
    probes = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1, limits=PROBING)
    pulse = Pulse(probes.ask)
    until = time.monotonic() + ANSWER_SECONDS + LATE_SECONDS
    wait_until(lambda: pulse.is_lost() or time.monotonic() > until, timeout=5, describe="its time")
    assert not pulse.is_lost()
    probes.close()
