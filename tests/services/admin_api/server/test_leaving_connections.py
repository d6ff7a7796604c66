"""When a connection closes after its last response."""

from collections.abc import Callable

import pytest

from support.loop_worker import GET, Loop

MIB = 1024 * 1024


def test_a_connection_that_leaves_is_closed_when_its_client_closes(
    running: Loop, wait: Callable[[float], None]
) -> None:
    client = running.connect(GET)
    running.answer(keeps=False)
    assert client.recv(1) == b""  # at once
    client.sendall(b"x")
    running.turn()
    assert (running.worker.nr_conns, running.open_sockets()) == (1, 1)
    client.close()
    for seconds in (0.0, 3.0):
        wait(seconds)
        assert (running.worker.nr_conns, running.open_sockets()) == (0, 0)


@pytest.mark.parametrize(("stops", "seconds"), [("no", 2.0), ("before", 0.5), ("meanwhile", 0.75)])
def test_a_connection_that_leaves_is_closed_after_a_delay(
    running: Loop, wait: Callable[[float], None], stops: str, seconds: float
) -> None:
    running.connect(GET)
    running.worker.alive = stops != "before"
    running.answer(keeps=False)
    if stops == "meanwhile":
        running.worker.alive = False
        wait(0.25)
        seconds -= 0.25
    wait(seconds - 0.125)
    assert running.worker.nr_conns == 1
    wait(0.125)
    assert running.worker.nr_conns == 0


def test_a_client_that_goes_on_sending_is_cut_after_16_mib(running: Loop) -> None:
    client = running.connect(GET)
    running.answer(keeps=False)
    client.setblocking(False)
    sent = 0
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        for _ in range(40 * MIB):
            try:
                sent += client.send(b"x" * 65_536)
            except BlockingIOError:
                running.turn()
    assert 16 * MIB < sent < 17 * MIB
    assert running.worker.nr_conns == 0
