"""The checks of `crawlctl doctor`: checks of the client, and checks that the server made."""

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
# Limit of the age of the server's answer. The server may return the same answer for five seconds.
ANSWER_AGE_SECONDS = 6.0
EXPIRES_SOON = timedelta(days=14)
SYSTEM = "/api/admin/system"
SCOPES = {
    "read": "lists, status, map",
    "jobs": "changes of jobs, groups, subreddits and the queue",
    "schedules": "changes of schedules",
    "webhooks": "webhooks",
    "audit": "audit",
    "tokens": "tokens",
    "content": "export, authors get",
    "erase": "erase",
}
Check = dict[str, Any]


def diagnose(session: Session) -> list[Check]:
    """Return the results of all checks.

    If the server does not answer or refuses the token, the later checks are left out.
    """
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
    yield _scopes({*identity["scopes"]})
    if soon:
        detail = f"{identity['name']} expires at {identity['expires_at']}"
        yield _check("expiry", FINDING, detail, "crawlctl tokens create, then crawlctl login")


def _scopes(present: set[str]) -> Check:
    """List the commands that the token does not permit. The result is OK in all cases."""
    absent = [f"{scope} ({commands})" for scope, commands in SCOPES.items() if scope not in present]
    if not absent:
        return _check("scopes", OK, "the token permits all commands")
    return _check("scopes", OK, f"the token lacks {', '.join(absent)}")


def _system(session: Session) -> Iterator[Check]:
    began = time.time()
    try:
        system = session.client.get(SYSTEM).body
    except Refused as refused:
        yield _check("system", UNKNOWN, str(refused), "Use a token with the scope read.")
        return
    yield _clock(system["as_of"], began, time.time())
    yield _own_version(process for process in system["processes"] if process["alive"])
    for check in system["checks"]:
        name = check["code"].replace("_", " ")
        if check["ok"]:
            yield _check(name, OK, f"{check['value']:g}, limit {check['limit']:g}")
        else:
            yield _check(name, FINDING, check["sentence"], check["remedy"])


def _clock(as_of: str, began: float, ended: float) -> Check:
    """Compare the clock of this machine with the clock of the database.

    The tolerance includes the age of the server's answer and the time that the request took.
    """
    there = parsed(as_of)
    if there is None:
        return _check("clock", UNKNOWN, f"the server's time is {as_of}")
    seconds = max(there.timestamp() - ended, began - there.timestamp() - ANSWER_AGE_SECONDS, 0.0)
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
