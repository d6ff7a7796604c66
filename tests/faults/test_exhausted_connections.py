"""F18: all connections of the pool or of the database server are in use."""

import contextlib
import datetime
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.db.timeouts import Timeouts
from support import private_postgres
from support.crew import LEASE_SECONDS, Crew
from support.seeds import rng, seeded
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

MAX_CONNECTIONS = 30


@pytest.fixture(scope="module")
def small_server(
    module_folder: Path, pytestconfig: pytest.Config
) -> Iterator[private_postgres.PrivatePostgres]:
    choice = pytestconfig.option.postgres
    with private_postgres.serve(module_folder, choice, max_connections=MAX_CONNECTIONS) as server:
        yield server


@pytest.fixture
def full_server(small_server: private_postgres.PrivatePostgres) -> Iterator[str]:
    with small_server.databases.clone() as url:
        yield url


@contextlib.contextmanager
def taken_connections(url: str, queue: WatchedQueue) -> Iterator[None]:
    """Take all connections of the server, except those of this test and of the workers' keepers."""
    with contextlib.ExitStack() as stack:

        def take_all() -> bool:
            queue.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid = ANY (CAST(:pids AS int[]))",
                pids=pooled(queue),
            )
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(contextlib.closing(psycopg.connect(url)))
            return is_every_place_held(queue)

        wait_until(take_all, timeout=20, describe="no connection to be left")
        yield


def is_every_place_held(queue: WatchedQueue) -> bool:
    """Return whether all connections belong to others than the workers' pools.

    It is not enough that the sessions of the pools have disappeared: the server frees their places
    a little later.
    """
    held = queue.value(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND state <> 'starting' AND "
        "(application_name NOT LIKE 'crawljobs worker%' OR application_name LIKE '%keeper')"
    )
    return int(held) >= MAX_CONNECTIONS


def pooled(queue: WatchedQueue) -> list[int]:
    """Return the ids of the server processes that serve the workers' pools."""
    return sorted(set(queue.backends()) - set(queue.backends("%keeper")))


@seeded(1)
def test_claims_are_kept_and_nothing_is_charged_while_the_server_has_no_connection_left(
    full_server: str, tmp_path: Path, seed: int
) -> None:
    dice = rng(seed, "exhausted")
    gates = [f"gate_{seed}_{number}" for number in range(dice.randint(1, 4))]
    with contextlib.closing(Database(full_server, pool_size=1)) as database:
        queue = WatchedQueue(database)
        crew = Crew(tmp_path, full_server)
        try:
            jobs = queue.enqueue(*gates)
            worker = crew.started(WORKER_CONCURRENCY=str(len(gates)))
            wait_until(lambda: len(queue.claimed()) == len(gates), timeout=20, describe=crew.log)
            with taken_connections(full_server, queue):
                lease = queue.lease(jobs[0])
                for gate in dice.sample(gates, len(gates)):
                    crew.open_gate(gate)  # the job now stores its page, but gets no connection
                wait_until(
                    lambda: len(worker.logged("completion.postponed")) >= len(gates),
                    timeout=20,
                    describe=crew.log,
                )
                # Only an extension during the fault explains a lease that ends so late.
                lease_length = datetime.timedelta(seconds=LEASE_SECONDS)
                queue.wait_until_extended(jobs[0], lease + lease_length)
                assert len(queue.claimed()) == len(gates)
            queue.wait_until_ended(describe=crew.log)
            assert worker.is_alive()
            queue.check_ended()
        finally:
            crew.close()


def test_a_full_pool_answers_within_its_limit(database_url: str) -> None:
    limits = Timeouts(pool=0.2)
    with contextlib.closing(Database(database_url, pool_size=1, limits=limits)) as database:
        let_go = threading.Event()
        taken = threading.Event()

        def hold() -> None:
            with database.begin():
                taken.set()
                let_go.wait(30)

        holder = threading.Thread(target=hold)
        holder.start()
        assert taken.wait(10)
        began = time.monotonic()
        with pytest.raises(errors.DatabaseUnavailable, match="every connection is busy"):
            database.check_reachable()
        assert time.monotonic() - began < 5
        let_go.set()
        holder.join(10)
        database.check_reachable()
