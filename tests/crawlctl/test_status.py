"""`crawlctl status` and `doctor` with a real server, and with answers that are wrong."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawlctl.diagnosis import SCOPES
from crawlctl.version import VERSION
from crawljobs.db.database import Database
from crawljobs.domain.api_token import Scope
from crawljobs.domain.job import JobStatus
from support import jobs
from support.crawlctl import Ctl, Result
from support.scripted_server import Exchange, serve


def results(result: Result) -> dict[str, str]:
    return {check["check"]: check["result"] for check in result.json}


def test_the_status_is_shown_and_checked(ctl: Ctl, api_rows: Database) -> None:
    with api_rows.begin() as conn:
        jobs.in_status(conn, JobStatus.QUEUED, "python")
    found = ctl("status", "--check", "-o", "json")
    assert (found.code, found.json["level"]) == (9, "critical")
    assert ctl.ok("status").code == 0
    text = ctl.ok("status", "-o", "table").out
    assert "attention:" in text
    assert "no_workers" in text
    (row,) = ctl.ok("status", "-o", "csv").rows
    assert (row["queued"], row["level"]) == ("1", "critical")


def test_the_doctor_names_a_remedy_for_each_finding(ctl: Ctl) -> None:
    result = ctl("doctor", "-o", "json")
    assert result.code == 9
    found = results(result)
    assert found.items() >= {"server": "ok", "schema": "ok", "token": "ok", "clock": "ok"}.items()
    assert found["no workers"] == "finding"
    assert all(check["remedy"] for check in result.json if check["result"] == "finding")
    asked = {
        "dead rows",
        "long transaction",
        "leases expired",
        "schedules broken",
        "autovacuum off",
    }
    assert asked | {"versions differ", "webhooks late", "budget overpromised"} <= set(found)
    assert "REMEDY" in ctl("doctor", "-o", "table").out
    assert len(ctl("doctor", "-o", "csv").rows) == len(result.json)


def test_the_doctor_names_the_scopes_that_a_token_lacks(ctl: Ctl, tmp_path: Path) -> None:
    path = tmp_path / "robot"
    ctl.ok("tokens", "create", "robot", "--scope", "read", "--scope", "jobs", "--out", path)
    checks = ctl("doctor", "-o", "json", CRAWLJOBS_TOKEN_FILE=str(path)).json
    (scopes,) = [check for check in checks if check["check"] == "scopes"]
    assert scopes["result"] == "ok"
    assert "erase (erase)" in scopes["detail"]
    assert "jobs" not in scopes["detail"]
    known = {str(scope) for scope in Scope}
    assert known == {*SCOPES}


def healthy(**more: Any) -> dict[str, dict[str, Any]]:
    system = {
        "as_of": datetime.now(UTC).isoformat(),
        "checks": [{"code": "dead_rows", "ok": True, "value": 0.1, "limit": 0.5}],
        "processes": [{"role": "crawler-worker", "version": VERSION, "alive": True}],
    }
    identity = {"name": "me", "scopes": ["read"], "expires_at": None}
    return {
        "/healthz": {"status": "ok"},
        "/readyz": {"status": "ready"},
        "/api/whoami": identity | more.pop("identity", {}),
        "/api/admin/system": {**system, **more},
    }


def diagnosed(offline: Ctl, answers: dict[str, dict[str, Any]]) -> Result:
    def script(exchange: Exchange) -> None:
        body = answers.get(exchange.path)
        status = 200 if body is not None else 503
        problem = {"code": "unknown_schema", "detail": "the schema is unknown"}
        content = json.dumps(body or problem).encode()
        exchange.send(status, content, content_type="application/json")

    with serve(script) as url:
        return offline("--retry-seconds", "0", "--url", url, "doctor", "-o", "json")


def test_the_doctor_of_a_healthy_system_finds_nothing(offline: Ctl) -> None:
    result = diagnosed(offline, healthy())
    assert (result.code, set(results(result).values())) == (0, {"ok"}), result


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"as_of": (datetime.now(UTC) - timedelta(minutes=5)).isoformat()}, "clock"),
        ({"as_of": (datetime.now(UTC) + timedelta(minutes=5)).isoformat()}, "clock"),
        ({"processes": [{"role": "scheduler", "version": "9", "alive": True}]}, "crawlctl"),
        ({"identity": {"expires_at": datetime.now(UTC).isoformat()}}, "expiry"),
        (
            {"checks": [{"code": "a_new_code", "ok": False, "sentence": "A.", "remedy": "Wait."}]},
            "a new code",
        ),
    ],
)
def test_the_doctor_finds_one_fault(offline: Ctl, change: dict[str, Any], check: str) -> None:
    result = diagnosed(offline, healthy(**change))
    assert result.code == 9
    assert [name for name, found in results(result).items() if found == "finding"] == [check]


def test_the_doctor_without_a_server_or_a_schema(offline: Ctl) -> None:
    answers = healthy()
    del answers["/readyz"]
    result = diagnosed(offline, answers)
    assert (result.code, results(result)["schema"]) == (9, "finding")
    assert "crawljobs-migrate upgrade" in result.out
    gone = offline("--retry-seconds", "0", "--url", "http://127.0.0.1:1", "doctor", "-o", "json")
    assert (gone.code, results(gone)) == (9, {"server": "finding"})
