"""The admin-api in a real gunicorn, while its database is dead, silent, full or slow."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from support import private_postgres, tcp_proxy
from support.admin_api import TOKEN, Gunicorn, start_gunicorn
from support.api_trouble import JOBS, WAITS_FOR_A_LOCK, connected, unavailable, works_again
from support.tcp_proxy import TcpProxy
from support.waiting import wait_until

READ_ONLY = "default_transaction_read_only"
ANSWER_SECONDS = 2.0  # the promised time of a reply while the database is dead
SLACK_SECONDS = 1.0  # allowed in addition, because the machine runs other tests too
MAX_CONNECTIONS = 20
AS_US: dict[str, Any] = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "timeout": 20}


@pytest.mark.parametrize("fault", ["silent", "cut"])
def test_a_dead_database_is_503_within_two_seconds_and_all_recovers_by_itself(
    proxied: tuple[Gunicorn, TcpProxy, str], fault: str
) -> None:
    server, proxy, _ = proxied
    with server.client() as client:
        works_again(client, "before")
        if fault == "silent":
            proxy.stall()
        else:
            proxy.rule = lambda _message: tcp_proxy.Verdict.CUT
        for path in (JOBS, f"{JOBS}/1", "/readyz"):
            began = time.monotonic()
            assert unavailable(client.get(path)), path
            assert time.monotonic() - began < ANSWER_SECONDS + SLACK_SECONDS, path
        began = time.monotonic()
        assert unavailable(client.post(JOBS, json={"subreddit": "during"}))
        assert time.monotonic() - began < ANSWER_SECONDS + SLACK_SECONDS
        began = time.monotonic()
        assert client.get("/healthz").status_code == 200
        assert time.monotonic() - began < SLACK_SECONDS
        proxy.rule = tcp_proxy.let_pass
        proxy.heal(lose=True)
        works_again(client, "after")


def test_a_database_that_dies_during_a_statement_is_503_within_two_seconds(
    proxied: tuple[Gunicorn, TcpProxy, str],
) -> None:
    """A statement may take longer than two seconds as long as the database is alive."""
    server, proxy, url = proxied
    with (
        server.client() as client,
        connected(url) as database,
        connected(url) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        works_again(client, "before_its_death")
        with holder.transaction():
            holder.execute("LOCK TABLE crawl_jobs IN ACCESS EXCLUSIVE MODE")
            asked = pool.submit(client.get, f"{JOBS}/1")
            wait_until(
                lambda: database.execute(WAITS_FOR_A_LOCK).fetchone() == (1,),
                timeout=15,
                describe="the statement to be under way",
            )
            began = time.monotonic()
            proxy.stall()
            assert unavailable(asked.result(20))
            assert time.monotonic() - began < ANSWER_SECONDS + SLACK_SECONDS
        proxy.heal(lose=True)
        works_again(client, "after_its_death")


def test_f9_a_read_only_database_refuses_changes_and_all_resumes_by_itself(
    proxied: tuple[Gunicorn, TcpProxy, str],
) -> None:
    server, proxy, url = proxied
    with server.client() as client, connected(url) as database:
        works_again(client, "before_read_only")
        name = database.info.dbname
        database.execute(f"ALTER DATABASE {name} SET {READ_ONLY} = on")
        proxy.cut()  # as in a failover, sessions end, and new sessions are read-only
        assert unavailable(client.post(JOBS, json={"subreddit": "during"}))
        assert unavailable(client.get("/readyz"))
        assert client.get("/healthz").status_code == 200
        assert client.get(JOBS).status_code == 200  # a read-only database still allows reads
        database.execute(f"SET {READ_ONLY} = off")
        database.execute(f"ALTER DATABASE {name} RESET {READ_ONLY}")
        proxy.cut()
        works_again(client, "after_read_only")


def test_f9_a_full_disk_is_503_and_all_resumes_by_itself(
    proxied: tuple[Gunicorn, TcpProxy, str],
) -> None:
    server, _, url = proxied
    with server.client() as client, connected(url) as database:
        database.execute("""
            CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'could not extend file: No space left on device'
                    USING ERRCODE = 'disk_full';
            END $$;
            CREATE TRIGGER full_disk BEFORE INSERT ON crawl_jobs EXECUTE FUNCTION full_disk()
            """)
        assert unavailable(client.post(JOBS, json={"subreddit": "no_room"}))
        database.execute("DROP TRIGGER full_disk ON crawl_jobs; DROP FUNCTION full_disk")
        works_again(client, "no_room")
    assert "No space left" in server.log_text()


def test_f10_a_statement_that_takes_too_long_is_503_and_holds_nobody(
    proxied: tuple[Gunicorn, TcpProxy, str],
) -> None:
    server, _, url = proxied
    with server.client() as client, connected(url) as database:
        works_again(client, "locked")
        with database.transaction():
            database.execute("LOCK TABLE crawl_jobs IN ACCESS EXCLUSIVE MODE")
            began = time.monotonic()
            with ThreadPoolExecutor(1) as pool:
                blocked = pool.submit(client.get, f"{JOBS}/1")
                assert httpx.get(f"{server.url}/healthz").status_code == 200
                assert unavailable(blocked.result(timeout=20))
            assert time.monotonic() - began < 15
        works_again(client, "locked")


def test_f10_probes_are_answered_while_every_thread_waits_for_the_database(
    proxied: tuple[Gunicorn, TcpProxy, str],
) -> None:
    """If probes failed, Kubernetes would restart the process, and waiting requests would fail."""
    server, _, url = proxied
    with (
        connected(url) as database,
        connected(url) as holder,
        server.client() as prober,
        ThreadPoolExecutor(16) as pool,
    ):
        works_again(prober, "crowded")
        with holder.transaction():
            holder.execute("LOCK TABLE crawl_jobs IN ACCESS EXCLUSIVE MODE")
            asked = [pool.submit(httpx.get, f"{server.url}{JOBS}/1", **AS_US) for _ in range(16)]
            wait_until(
                lambda: database.execute(WAITS_FOR_A_LOCK).fetchone() == (4,),
                timeout=15,
                describe="every thread to wait",
            )
            began = time.monotonic()
            assert prober.get("/healthz").status_code == 200
            assert prober.get("/readyz").status_code == 200
            assert time.monotonic() - began < ANSWER_SECONDS + SLACK_SECONDS
        assert {one.result(20).status_code for one in asked} <= {200, 503}


def test_f18_a_server_without_a_free_connection_is_503_and_recovers(
    module_folder: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    choice = pytestconfig.option.postgres
    with (
        private_postgres.serve(module_folder, choice, max_connections=MAX_CONNECTIONS) as private,
        private.databases.clone() as url,
    ):
        server = start_gunicorn(tmp_path, url, ADMIN_API_WORKERS="1", ADMIN_API_THREADS="2")
        with server.client() as client, contextlib.ExitStack() as idle:
            with contextlib.suppress(psycopg.OperationalError):
                for _ in range(300):
                    idle.enter_context(connected(url))
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: client.get(JOBS), range(16)))
            assert {answer.status_code for answer in answers} <= {200, 503}
            assert any(unavailable(answer) for answer in answers)
            assert client.get("/healthz").status_code == 200
            idle.close()
            works_again(client, "room_again")
        server.stop()
