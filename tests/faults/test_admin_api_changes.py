"""Faults during a change through the API: the change happens completely and once, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import psycopg
import pytest

from support import tcp_proxy
from support.admin_api import TOKEN, Gunicorn, start_gunicorn
from support.api_trouble import JOBS, WAITS_FOR_A_LOCK, connected, unavailable, works_again
from support.databases import Databases
from support.tcp_proxy import LoseReply, TcpProxy
from support.waiting import wait_until


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
                WHERE status IN ('waiting', 'queued', 'crawling')
                GROUP BY subreddit_id) AS of_one
            """).fetchone()
    assert live is not None
    assert live[0] in (None, 1)


def test_f24_a_reply_that_got_lost_is_given_again_and_done_once(
    proxied: tuple[Gunicorn, TcpProxy, str],
) -> None:
    """The database committed, but its reply was lost. Only the idempotency key shows the commit."""
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
