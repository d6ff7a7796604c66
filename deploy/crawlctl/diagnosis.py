"""The checks of `crawlctl doctor`: the client's own, and the conditions of the overview."""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crawlctl.failures import CommandFailed
from crawlctl.output.times import parsed, shown_seconds
from crawlctl.rest.problem import Refused
from crawlctl.session import Session
from crawlctl.version import VERSION

OK, FINDING, UNKNOWN = "ok", "finding", "unknown"
SKEW_SECONDS = 30.0
EXPIRES_SOON = timedelta(days=14)
# The checks of the system, each with the codes of the overview's conditions.
SYSTEM_CHECKS: Mapping[str, tuple[str, ...]] = {
    "versions": ("versions_differ",),
    "workers": ("no_workers", "worker_lost"),
    "schedulers": ("no_schedulers", "schedule_late", "schedule_missed"),
    "oldest transaction": ("long_transaction",),
    "dead rows": ("dead_rows",),
    "leases": ("leases_expired",),
    "budget": ("reddit_refused", "reddit_paused", "reddit_throttled", "budget_overpromised"),
    "schedules": ("schedules_broken",),
    "webhooks": ("webhooks_late", "webhook_disabled"),
}
Check = dict[str, Any]


def diagnose(session: Session) -> list[Check]:
    """Return all checks. The rest is left out when the server does not answer or knows no token."""
    checks = [_reachable(session)]
    if checks[0]["result"] == OK:
        checks.append(_schema(session))
        checks.extend(_token(session))
    failed = {check["check"] for check in checks if check["result"] == FINDING}
    if not failed & {"server", "token"}:
        checks.extend(_system(session))
    return checks


def _check(name: str, result: str, detail: str, remedy: str = "") -> Check:
    return {"check": name, "result": result, "detail": detail, "remedy": remedy}


def _reachable(session: Session) -> Check:
    url = session.client.url
    began = time.monotonic()
    try:
        session.client.get("/healthz")
    except CommandFailed as error:
        remedy = "Check --url, the network, and that the admin-api runs."
        return _check("server", FINDING, str(error), remedy)
    return _check("server", OK, f"{url} answers in {(time.monotonic() - began) * 1000:.0f} ms")


def _schema(session: Session) -> Check:
    try:
        session.client.get("/readyz")
    except Refused as refused:
        remedy = "Migrate the database: crawljobs-migrate upgrade"
        if refused.problem_code != "unknown_schema":
            remedy = "See the log of the admin-api and of the database."
        return _check("schema", FINDING, str(refused), remedy)
    return _check("schema", OK, "the server knows the schema of its database")


def _token(session: Session) -> Iterator[Check]:
    try:
        identity = session.client.get("/api/whoami").body
    except Refused as refused:
        yield _check("token", FINDING, str(refused), "crawlctl login")
        return
    scopes = ", ".join(identity["scopes"])
    expires = parsed(identity["expires_at"] or "")
    soon = expires is not None and expires - datetime.now(UTC) < EXPIRES_SOON
    yield _check("token", OK, f"{identity['name']} with the scopes {scopes}")
    if soon:
        detail = f"{identity['name']} expires at {identity['expires_at']}"
        yield _check("expiry", FINDING, detail, "crawlctl tokens create, then crawlctl login")


def _system(session: Session) -> Iterator[Check]:
    began = time.time()
    try:
        overview = session.client.get("/api/admin/overview").body
    except Refused as refused:
        yield _check("system", UNKNOWN, str(refused), "Use a token with the scope read.")
        return
    yield _clock(overview["as_of"], began, time.time())
    yield _own_version(overview["processes"])
    conditions = {condition["code"]: condition for condition in overview["attention"]}
    for name, codes in SYSTEM_CHECKS.items():
        found = [conditions.pop(code) for code in codes if code in conditions]
        yield from _findings(name, found) if found else [_check(name, OK, _detail(name, overview))]
    for code, condition in conditions.items():
        yield from _findings(code.replace("_", " "), [condition])


def _findings(name: str, conditions: Iterable[Mapping[str, Any]]) -> Iterator[Check]:
    for condition in conditions:
        yield _check(name, FINDING, condition["sentence"], condition["remedy"])


def _clock(as_of: str, began: float, ended: float) -> Check:
    """Compare the clocks. The answer may be a second old, and the request took some time."""
    there = parsed(as_of)
    if there is None:
        return _check("clock", UNKNOWN, f"the server's time is {as_of}")
    seconds = max(there.timestamp() - ended, began - there.timestamp() - 1, 0.0)
    if seconds <= SKEW_SECONDS:
        return _check("clock", OK, "the clocks agree")
    detail = f"this clock and that of the database differ by {shown_seconds(seconds)}"
    return _check("clock", FINDING, detail, "Synchronize the clocks, for example by NTP.")


def _own_version(processes: Iterable[Mapping[str, Any]]) -> Check:
    others = sorted({each["version"] for each in processes} - {VERSION})
    if not others:
        return _check("crawlctl", OK, f"version {VERSION}, as the services")
    detail = f"version {VERSION}; the services have {', '.join(others)}"
    return _check("crawlctl", FINDING, detail, "Install the crawlctl of the same release.")


def _detail(name: str, overview: Mapping[str, Any]) -> str:
    roles = {"workers": "crawler-worker", "schedulers": "scheduler"}
    if name in roles:
        processes = overview["processes"]
        alive = sum(each["processes"] for each in processes if each["role"] == roles[name])
        return f"{alive} alive"
    if name == "oldest transaction":
        return shown_seconds(overview["database"]["oldest_transaction_seconds"])
    if name == "dead rows":
        return f"{overview['database']['dead_row_share']:.0%} of crawl_jobs"
    if name == "schedules":
        return f"{overview['schedules']['enabled']} enabled, none broken"
    if name == "webhooks":
        return f"{overview['webhooks']['endpoints']['enabled']} enabled"
    return "no condition"
