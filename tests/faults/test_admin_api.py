"""Faults of the database and of the network, against the admin-api behind a real gunicorn."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import psycopg
import pytest

from support import private_postgres, tcp_proxy
from support.admin_api import TOKEN, Gunicorn, start_gunicorn
from support.databases import Databases
from support.tcp_proxy import LoseReply, TcpProxy
from support.waiting import wait_until

JOBS = "/api/admin/jobs"
READ_ONLY = "default_transaction_read_only"
ANSWER_SECONDS = 2.0  # promised for a database that is dead
SLACK_SECONDS = 1.0  # of a machine that runs other tests too
MAX_CONNECTIONS = 20
AS_US: dict[str, Any] = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "timeout": 20}
WAITS_FOR_A_LOCK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
    """


@pytest.fixture(scope="module")
def proxied(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gunicorn, TcpProxy, str]]:
    """A server that reaches its database through a proxy."""
    with databases.clone() as url, tcp_proxy.serve(url) as proxy:
        folder = tmp_path_factory.mktemp("gunicorn")
        server = start_gunicorn(folder, proxy.url, ADMIN_API_WORKERS="1", ADMIN_API_THREADS="4")
        yield server, proxy, url
        server.stop()


@contextlib.contextmanager
def connected(url: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def unavailable(response: httpx.Response) -> bool:
    if response.status_code != 503:
        return False
    assert int(response.headers["Retry-After"]) > 0
    assert response.json()["code"] == "database_unavailable"
    return True


def works_again(client: httpx.Client, subreddit: str) -> None:
    wait_until(
        lambda: client.post(JOBS, json={"subreddit": subreddit}).status_code in (200, 201),
        timeout=10,
        describe="requests to be served again",
    )
    wait_until(lambda: client.get("/readyz").status_code == 200, timeout=10, describe="readiness")


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
    """A statement may take longer than that, as long as the database shows that it lives."""
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
        proxy.cut()  # as a failover would: the next sessions are read-only
        assert unavailable(client.post(JOBS, json={"subreddit": "during"}))
        assert unavailable(client.get("/readyz"))
        assert client.get("/healthz").status_code == 200
        assert client.get(JOBS).status_code == 200  # what can be read is
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
    """A slow statement must not have the process restarted, with all that waits in it."""
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


def test_f10_eight_clients_that_change_the_same_jobs_never_see_a_deadlock(
    proxied: tuple[Gunicorn, TcpProxy, str],
) -> None:
    server, _, url = proxied
    with server.client() as client:
        names = [f"bulk_{number}" for number in range(60)]
        imported = client.post(f"{JOBS}/bulk", json={"subreddits": names}).json()["items"]
        ids = [item["job_id"] for item in imported]

        def change(number: int) -> list[int]:
            order = ids if number % 2 else ids[::-1]
            verbs = ("cancel", "retry", "boost")
            with server.client() as own:
                return [
                    own.post(
                        f"{JOBS}/bulk/{verbs[(number + turn) % 3]}",
                        json={
                            "job_ids": order,
                            **({"boost": 1} if (number + turn) % 3 == 2 else {}),
                        },
                    ).status_code
                    for turn in range(4)
                ]

        def enqueue(_: int) -> list[int]:
            with server.client() as own:
                return [
                    own.post(f"{JOBS}/bulk", json={"subreddits": names[::-1]}).status_code
                    for _ in range(4)
                ]

        with ThreadPoolExecutor(8) as pool:
            answers = [*pool.map(change, range(6)), *pool.map(enqueue, range(2))]
        assert {status for one in answers for status in one} <= {200, 207}
    with connected(url) as database:
        live = database.execute("""
            SELECT max(jobs) FROM (
                SELECT count(*) AS jobs FROM crawl_jobs
                WHERE status IN ('blocked', 'waiting', 'queued', 'crawling')
                GROUP BY subreddit_id) AS of_one
            """).fetchone()
    assert live is not None
    assert live[0] in (None, 1)


def test_f24_a_reply_that_got_lost_is_given_again_and_done_once(
    proxied: tuple[Gunicorn, TcpProxy, str],
) -> None:
    """The database committed, its reply never came: nobody but the key can tell."""
    server, proxy, url = proxied
    body, key = {"subreddit": "lost_reply"}, {"Idempotency-Key": "f24"}
    with server.client() as client:
        works_again(client, "before_lost_reply")
        proxy.rule = LoseReply("INSERT INTO idempotency_keys")
        assert unavailable(client.post(JOBS, json=body, headers=key))
        proxy.rule = tcp_proxy.let_pass
        again = client.post(JOBS, json=body, headers=key)
        assert (again.status_code, again.json()["result"]) == (201, "created")
        assert again.headers["Idempotency-Replayed"] == "true"
    with connected(url) as database:
        counted = database.execute("""
            SELECT (SELECT count(*) FROM admin_audit_log
                    WHERE action = 'enqueue' AND after ->> 'subreddit' = 'lost_reply'),
                (SELECT count(*) FROM crawl_jobs JOIN subreddits ON subreddit_id = subreddits.id
                    WHERE name = 'lost_reply')
            """).fetchone()
    assert counted == (1, 1)


def test_f24_an_api_killed_in_the_middle_leaves_neither_key_nor_job(
    databases: Databases, tmp_path: Path
) -> None:
    with databases.clone() as url, connected(url) as database:
        server = start_gunicorn(tmp_path, url, ADMIN_API_WORKERS="1")
        body, key = {"subreddit": "killed"}, {"Idempotency-Key": "f24"}
        processes = [psutil.Process(server.process.pid)]
        processes += processes[0].children(recursive=True)
        with ThreadPoolExecutor(1) as caller, server.client() as client:
            blocker = psycopg.connect(url)
            blocker.execute("LOCK TABLE admin_audit_log IN ACCESS EXCLUSIVE MODE")
            asked = caller.submit(client.post, JOBS, json=body, headers=key)
            wait_until(
                lambda: database.execute(WAITS_FOR_A_LOCK).fetchone() == (1,),
                timeout=15,
                describe="the call to be in the middle",
            )
            for process in processes:
                process.kill()
            with pytest.raises(httpx.TransportError):
                asked.result(15)
        blocker.close()
        server.process.wait(10)
        wait_until(
            lambda: (
                database.execute("""
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'admin-api'
                """).fetchone()
                == (0,)
            ),
            timeout=15,
            describe="the sessions of the killed server to end",
        )
        left = "SELECT (SELECT count(*) FROM idempotency_keys), (SELECT count(*) FROM crawl_jobs)"
        assert database.execute(left).fetchone() == (0, 0)
        again = start_gunicorn(tmp_path, url, ADMIN_API_WORKERS="1")
        with again.client() as client:
            made = client.post(JOBS, json=body, headers=key)
            assert (made.status_code, made.json()["result"]) == (201, "created")
        again.stop()
        assert TOKEN not in again.log_text()


def test_f25_a_change_whose_audit_row_is_forbidden_does_not_happen(
    databases: Databases, tmp_path: Path
) -> None:
    with databases.clone() as url, connected(url) as database:
        role = f"crawltest_{database.info.dbname}"
        database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x' NOSUPERUSER")
        try:
            database.execute(f"""
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
                REVOKE INSERT ON admin_audit_log FROM {role}
                """)
            parts = psycopg.conninfo.conninfo_to_dict(url)
            host, port = quote(str(parts["host"]), safe=""), parts["port"]
            address = f"postgresql://{role}:x@/{parts['dbname']}?host={host}&port={port}"
            server = start_gunicorn(tmp_path, address, ADMIN_API_WORKERS="1")
            with server.client() as client:
                assert client.get(JOBS).status_code == 200
                assert client.post(JOBS, json={"subreddit": "python"}).status_code == 500
            server.stop()
            assert database.execute("SELECT count(*) FROM crawl_jobs").fetchone() == (0,)
        finally:
            database.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


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
