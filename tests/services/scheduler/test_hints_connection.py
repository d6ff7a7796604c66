"""The connection that receives hints: its pauses, its name, its end and its metric."""

from types import SimpleNamespace

import psycopg
import pytest
import structlog

from crawljobs import errors
from crawljobs.db.direct import DirectConnection
from scheduler import hints
from scheduler.hints import Hints
from support.counted import counted
from support.waiting import wait_until

DEADLINE_SECONDS = 20  # on an overloaded machine
NAMED = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'xxx%'"
CUT = NAMED.replace("application_name", "pg_terminate_backend(pid)", 1)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list["Noted"]:
    """Return the list of the connections that a Hints object opens."""
    made: list[Noted] = []

    class Ours(Noted):
        def __init__(self, url: str, **options: object) -> None:
            super().__init__(url, **options)
            made.append(self)

    monkeypatch.setattr(hints, "DirectConnection", Ours)
    return made


class Noted(DirectConnection):
    """The real connection. It counts calls of `close`, and may refuse to listen."""

    refuses = False
    closed = 0

    def listen(self, channel: str) -> None:
        if self.refuses:
            raise errors.DatabaseUnavailable("refused")
        super().listen(channel)

    def close(self) -> None:
        self.closed += 1
        super().close()


def test_the_pause_grows_with_each_failure_until_a_connection_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lasts = iter([0.0, 3.0, 10.0, 10.1, 0.0])
    now = 1_000.0
    counts: list[int] = []

    def serve() -> None:
        nonlocal now
        now += next(lasts)
        raise errors.DatabaseUnavailable("broken")

    def pause(failures: int, *, first: float, longest: float) -> float:
        assert (first, longest) == (0.1, 30.0)
        counts.append(failures)
        if len(counts) == 5:
            listener.stop()
        return 0.0

    listener = Hints("postgresql://127.0.0.1:1/none", name="test", on_hint=lambda: None)
    monkeypatch.setattr(listener, "_serve", serve)
    monkeypatch.setattr(hints, "backoff", SimpleNamespace(pause_seconds=pause))
    monkeypatch.setattr(hints, "time", SimpleNamespace(monotonic=lambda: now))
    with structlog.testing.capture_logs():
        listener.run()
    assert counts == [1, 2, 3, 1, 2]


def test_only_a_connection_after_the_first_counts_as_reopened(
    database_url: str, opened: list[Noted]
) -> None:
    heard: list[int] = []

    def wait_for(times: int) -> None:
        wait_until(
            lambda: len(heard) == times, timeout=DEADLINE_SECONDS, describe=lambda: f"{heard}"
        )

    listener = Hints(database_url, name="x" * 80, on_hint=lambda: heard.append(1))
    assert listener.daemon  # the thread keeps no process alive
    with counted() as grown, psycopg.connect(database_url, autocommit=True) as sql:
        listener.start()
        wait_for(1)
        assert sql.execute(NAMED).fetchall() == [("x" * 63,)]
        sql.execute(CUT)
        wait_for(2)
        listener.stop()
        listener.join(DEADLINE_SECONDS)
    assert not listener.is_alive()
    assert grown["db_reconnects_total{}"] == 1
    assert [one.closed for one in opened] == [1, 1]


def test_a_connection_that_cannot_listen_is_closed_and_reported(
    database_url: str, opened: list[Noted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noted, "refuses", True)
    listener = Hints(database_url, name="test", on_hint=lambda: None)
    with pytest.raises(errors.DatabaseUnavailable, match="refused"):
        listener._serve()
    assert [one.closed for one in opened] == [1]
