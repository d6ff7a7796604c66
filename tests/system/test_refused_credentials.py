"""Refused credentials are shown in the metrics of the scheduler and in one log line."""

from pathlib import Path

import httpx

from crawljobs.db.database import Database
from crawljobs.domain.budget_state import REMEDIES
from crawljobs.domain.request_budget import PausedReason
from support import crew, probes, reddit_sandbox, service_process
from support.jobs import enqueue
from support.plain_http import NO_CERTIFICATES
from support.waiting import wait_until

DEADLINE_SECONDS = 30  # on an overloaded machine
REFUSED = PausedReason.CREDENTIALS_REFUSED


def test_the_metrics_show_the_pause_and_one_worker_logs_the_remedy(
    tmp_path: Path, database: Database, database_url: str
) -> None:
    with database.begin() as conn:
        for number in range(4):
            enqueue(conn, f"tiny_{number}", now=None)
    with reddit_sandbox.serve() as sandbox:
        body = {"mode": "refused"}
        refused = httpx.post(f"{sandbox.url}/sandbox/tokens", json=body, verify=NO_CERTIFICATES)
        assert refused.status_code == 200
        workers = crew.Crew(tmp_path, database_url, sandbox_url=sandbox.url)
        scheduler = service_process.start(
            "scheduler",
            name="scheduler-1",
            log=tmp_path / "scheduler.log",
            variables={"DATABASE_URL": database_url, "PROBE_BIND": "127.0.0.1:0"},
        )
        try:
            two = [workers.start(crew.PRODUCTION) for _ in range(2)]
            url = probes.address(scheduler)
            wait_until(
                lambda: probes.samples(url).get(f"crawl_reddit_paused{{reason={REFUSED}}}") == 1,
                timeout=DEADLINE_SECONDS,
                describe=lambda: "\n".join(worker.told() for worker in two),
            )
            shown = probes.samples(url)
            for worker in two:
                worker.wait_for("worker.started")
                worker.terminate()
        finally:
            workers.close()
            scheduler.kill()
    assert shown["crawl_work_pending"] == 1
    assert "crawl_last_success_timestamp_seconds" not in shown
    others = {reason for reason in PausedReason if reason is not REFUSED}
    assert {shown[f"crawl_reddit_paused{{reason={reason}}}"] for reason in others} == {0}
    (line,) = [line for worker in two for line in worker.logged("reddit.refused")]
    assert (line["level"], line["reason"]) == ("error", "credentials_refused")
    assert line["remedy"] == REMEDIES[REFUSED]
    assert line["detail"]
