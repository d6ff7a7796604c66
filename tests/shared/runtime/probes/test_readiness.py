"""A readiness check ends even if the process has no threads or files left."""

import threading
from collections.abc import Iterator

import pytest

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.db.timeouts import PROBE_TIMEOUTS
from crawljobs.runtime.probes.readiness import Readiness


@pytest.fixture
def readiness(database_url: str) -> Iterator[Readiness]:
    made = Readiness(Database(database_url, pool_size=1, limits=PROBE_TIMEOUTS))
    yield made
    made.close()


def test_a_check_whose_thread_cannot_start_fails_and_the_next_one_succeeds(
    readiness: Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(errors.DatabaseUnavailable, match="thread"):
            readiness.check()
    readiness.check()


def test_a_connection_whose_thread_cannot_start_is_unavailable(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(database_url, pool_size=1, limits=PROBE_TIMEOUTS)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(errors.DatabaseUnavailable, match="thread"):
            database.check_reachable()
    database.check_reachable()
    database.close()
