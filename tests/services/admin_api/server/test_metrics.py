"""The master process shows the metrics of all API processes at its own address."""

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from admin_api.server import metrics_folder, metrics_server
from crawljobs.version import VERSION
from support import admin_api, probes
from support.admin_api import Gunicorn
from support.waiting import wait_until

DEADLINE_SECONDS = 20
JOBS = "/api/admin/jobs"


@pytest.fixture(scope="module")
def server(databases: object, module_folder: Path) -> Iterator[Gunicorn]:
    with databases.clone() as url:  # type: ignore[attr-defined]
        running = admin_api.start_gunicorn(
            module_folder,
            url,
            PROBE_BIND="127.0.0.1:0",
            ADMIN_API_WORKERS="2",
            PROMETHEUS_MULTIPROC_DIR=str(module_folder / "metrics"),
        )
        yield running
        running.stop()


def metrics_url(server: Gunicorn) -> str:
    (port,) = {line["port"] for line in server.log_lines() if line["action"] == "probes.listening"}
    return f"http://127.0.0.1:{port}"


def test_a_worker_holds_no_socket_of_the_metrics_open(server: Gunicorn) -> None:
    """Otherwise a worker that outlives its master would block the port for the next master."""
    master = psutil.Process(server.process.pid)
    port = int(metrics_url(server).rpartition(":")[2])

    def listens(process: psutil.Process) -> bool:
        return any(
            each.status == psutil.CONN_LISTEN and each.laddr.port == port
            for each in process.net_connections("tcp")
        )

    def workers() -> list[psutil.Process]:
        return [one for one in master.children() if not listens(one)]

    assert listens(master)
    wait_until(
        lambda: len(workers()) == 2, timeout=DEADLINE_SECONDS, describe="two workers without it"
    )


def requests_counted(shown: dict[str, float]) -> float:
    counts = "http_request_duration_seconds_count"
    return sum(value for name, value in shown.items() if name.startswith(counts))


def test_counters_of_all_processes_are_one_and_survive_their_death(server: Gunicorn) -> None:
    url = metrics_url(server)
    before = requests_counted(probes.samples(url))
    with server.client() as client:
        for number in range(1, 21):
            client.get(f"/api/admin/jobs/{number}")
    shown = probes.samples(url)
    name = "http_request_duration_seconds_count{code=404}{method=GET}"
    assert shown[f"{name}{{route=/api/admin/jobs/<id:job_id>}}"] == 20
    counted = requests_counted(shown)
    assert counted >= before + 20
    (worker, *_) = psutil.Process(server.process.pid).children()
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(
        lambda: worker.pid not in {p.pid for p in psutil.Process(server.process.pid).children()},
        timeout=DEADLINE_SECONDS,
        describe="gunicorn to see that its worker is gone",
    )
    assert requests_counted(probes.samples(url)) >= counted


def test_work_is_counted_when_it_is_committed_and_refusals_by_reason(server: Gunicorn) -> None:
    url = metrics_url(server)
    with server.client() as client:
        for _ in range(2):
            assert client.post(JOBS, json={"subreddit": "python"}).status_code in (200, 201)
        assert client.post(JOBS, json={"subreddit": "not valid!"}).status_code == 422
        (job,) = client.get(JOBS).json()["items"]
        assert client.post(f"{JOBS}/{job['id']}/cancel").status_code == 200
    assert httpx.get(server.url + JOBS).status_code == 401
    shown = probes.samples(url)
    assert shown["crawl_jobs_enqueued_total{result=created}{source=user}"] == 1
    assert shown["crawl_jobs_enqueued_total{result=merged}{source=user}"] == 1
    assert shown["crawl_audit_rows_total{action=enqueue}"] == 2
    assert shown["crawl_jobs_finished_total{outcome=cancelled}"] == 1
    assert shown["crawl_api_auth_failures_total{reason=missing_token}"] == 1


def test_the_version_of_the_service_is_a_metric(server: Gunicorn) -> None:
    (labels,) = [
        name for name in probes.samples(metrics_url(server)) if name.startswith("crawl_build_info")
    ]
    assert "{service=admin-api}" in labels
    assert f"{{version={VERSION}}}" in labels


def test_an_unknown_path_or_method_makes_no_series_of_its_own(server: Gunicorn) -> None:
    with server.client() as client:
        client.get("/made/up/1")
        client.request("BREW", "/made/up/2")
    shown = probes.samples(metrics_url(server))
    assert "http_request_duration_seconds_count{code=404}{method=GET}{route=none}" in shown
    assert not [name for name in shown if "made" in name or "BREW" in name]


def test_metrics_are_not_on_the_port_of_the_api(server: Gunicorn) -> None:
    assert httpx.get(server.url + "/metrics").status_code == 401
    with server.client() as client:
        assert client.get("/metrics").status_code == 404
    assert probes.status(metrics_url(server), "/healthz") == 200
    assert probes.status(metrics_url(server), "/api/admin/jobs") == 404


def test_the_folder_is_made_and_emptied_before_it_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "metrics"
    variables = {"PROBE_BIND": "127.0.0.1:0", metrics_folder.NAME: str(folder)}
    assert metrics_folder.prepare(variables) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700  # for this user alone
    (folder / "counter_1.db").write_bytes(b"of a process that was killed")
    metrics_folder.prepare(variables)
    assert list(folder.iterdir()) == []
    unserved = {metrics_folder.NAME: str(folder)}
    assert metrics_folder.prepare(unserved) is None
    assert unserved == {}


def test_a_file_whose_process_was_killed_as_it_opened_it_is_skipped(server: Gunicorn) -> None:
    folder = Path(server.log).parent / "metrics"
    empty = folder / "counter_99999999.db"
    empty.touch()
    try:
        assert probes.status(metrics_url(server), "/metrics") == 200
    finally:
        empty.unlink()


def test_a_file_that_is_gone_has_no_content(tmp_path: Path) -> None:
    """Its process has just ended."""
    assert not metrics_server._has_content(tmp_path / "counter_1.db")


def test_a_second_master_keeps_the_files_of_the_running_workers(tmp_path: Path) -> None:
    used = tmp_path / "counter_1.db"
    used.touch()
    variables = {"PROBE_BIND": "127.0.0.1:9", metrics_folder.NAME: str(tmp_path)}
    metrics_folder.prepare({**variables, metrics_folder.SECOND_MASTER: "7"})
    assert used.exists()
    metrics_folder.prepare(variables)
    assert not used.exists()
