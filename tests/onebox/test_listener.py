"""The port of the demo's API: the port of the user, or 8000, or the next free port."""

import contextlib
import socket

import pytest

from onebox import listener
from onebox.demo_errors import OneboxError
from support.free_ports import free_port


def test_the_next_free_port_replaces_the_usual_port_when_it_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with contextlib.ExitStack() as stack:
        taken = stack.enter_context(listener.listen(0)).getsockname()[1]
        next_port = free_port()
        monkeypatch.setattr(listener, "USUAL_PORT", taken)
        monkeypatch.setattr(listener, "NEXT_PORTS", [taken, next_port])
        chosen = stack.enter_context(listener.listen(None))
        assert chosen.getsockname() == (listener.HOST, next_port)


def test_any_free_port_remains_when_all_usual_ports_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server((listener.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(listener, "USUAL_PORT", port)
        monkeypatch.setattr(listener, "NEXT_PORTS", [port])
        with listener.listen(None) as chosen:
            assert chosen.getsockname()[1] != port


def test_a_taken_port_that_the_user_chose_is_refused() -> None:
    with socket.create_server((listener.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OneboxError, match=rf"Port {port} on .* cannot be used .* --port"):
            listener.listen(port)
