"""Hostile sessions with the services' roles try to forge, block or empty the audit log.

Two sessions of each role execute random statements. Meanwhile honest writers and a reader use the
audit log, and each of their calls must end within a deadline. In the end a superuser checks the
table and the database's catalogue.
"""

import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg import sql
from psycopg.types.string import TextLoader

from crawljobs.db.administration import drift, grants, protection
from crawljobs.db.database import Database
from crawljobs.db.timeouts import INTERACTIVE_TIMEOUTS
from crawljobs.domain.actor import Actor
from crawljobs.errors import DatabaseUnavailable
from crawljobs.repository.operations import audit_log
from support import hostile_statements
from support.databases import Databases
from support.roles import Roles, made

KINDS = {
    grants.ADMIN_API: "ops",
    grants.CRAWLER_WORKER: "system:crawler-worker",
    grants.SCHEDULER: "system:scheduler",
}
SESSIONS_EACH = 2
LONG_SECONDS = 60.0  # a run that is longer prints its figures
# The time limit of an honest call. It includes new tries, because attackers may end its session.
DEADLINE_SECONDS = 10.0
HONEST_PAUSE_SECONDS = 0.02
# Secrets in the database, and the only role that may read each secret.
CANARIES = {"canary-of-reddit": grants.CRAWLER_WORKER, "canary-of-a-token": grants.ADMIN_API}

# Objects that hostile statements have created: objects owned by a service's role, and one role.
LEFT_BEHIND = """
    SELECT 'relation ' || relname FROM pg_class WHERE relowner = ANY(%(services)s::regrole[])
    UNION ALL
    SELECT 'function ' || proname FROM pg_proc WHERE proowner = ANY(%(services)s::regrole[])
    UNION ALL
    SELECT 'schema ' || nspname FROM pg_namespace WHERE nspowner = ANY(%(services)s::regrole[])
    UNION ALL
    SELECT 'role ' || rolname FROM pg_roles WHERE rolname = 'evil'
    """
# Rows of the audit log that neither an honest writer nor an allowed statement can have written.
FORGED = """
    SELECT log.id, actor, db_role, request_id, at, transaction_id::text
    FROM admin_audit_log AS log, admin_audit_log_id_seq AS counter
    WHERE NOT coalesce(
        db_role = split_part(request_id, '/', 2) AND split_part(request_id, '/', 1) <> ''
        AND at BETWEEN %(began)s AND clock_timestamp() AND isfinite(at)
        AND (db_role <> %(worker)s OR actor = 'system:crawler-worker' AND token_id IS NULL)
        AND (db_role <> %(scheduler)s OR actor = 'system:scheduler' AND token_id IS NULL)
        AND (db_role <> %(api)s OR lower(left(actor, 7)) <> 'system:')
        AND log.id BETWEEN 1 AND counter.last_value
        -- Of a subtransaction the row carries a later number than its transaction.
        AND (log.xmin::text::bigint - transaction_id::text::bigint) %% 4294967296
            BETWEEN 0 AND 1000
        AND log.xmax::text = '0', false)
    LIMIT 5
    """


@dataclass
class Honest:
    """The results of honest calls: the durations in seconds, the faults, the written rows."""

    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    written: dict[str, tuple[str, str]] = field(default_factory=dict)  # request id -> actor, note


@dataclass
class Hostile:
    tried: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    seen: list[str] = field(default_factory=list)  # results with a forbidden secret


@pytest.fixture
def own(databases: Databases) -> Iterator[Roles]:
    with made(databases) as roles_of_ours:
        with psycopg.connect(roles_of_ours.url, autocommit=True) as conn:
            conn.execute(
                "INSERT INTO reddit_tokens (client_id, access_token, expires_at) "
                "VALUES ('c', 'canary-of-reddit', now())"
            )
            conn.execute(
                "INSERT INTO api_tokens (id, name, token_hash, scopes, created_by) VALUES "
                "(repeat('0', 12), 'canary-of-a-token', sha256('x'), '{read}', 'x')"
            )
        yield roles_of_ours


def within_deadline(honest: Honest, what: str, call: Callable[[], object]) -> object:
    """Return the result of a call, and record its duration.

    The call is tried again if its session is ended. The time of all tries counts.
    """
    began = time.monotonic()
    while True:
        try:
            answer = call()
            break
        except DatabaseUnavailable as error:
            if time.monotonic() > began + DEADLINE_SECONDS:
                honest.wrong.append(f"{what}: {error}")
                return None
    honest.took.append(time.monotonic() - began)
    if honest.took[-1] > DEADLINE_SECONDS:
        honest.wrong.append(f"{what} took {honest.took[-1]:.1f} s")
    return answer


def write_honestly(own: Roles, kind: str, honest: Honest, stop: threading.Event) -> None:
    """Write rows as the service does, through a separate pool, and keep each committed row."""
    database = Database(own.url_as(kind), pool_size=1, limits=INTERACTIVE_TIMEOUTS)
    try:
        while not stop.wait(HONEST_PAUSE_SECONDS):
            note = uuid.uuid4().hex
            request = f"{note}/{own.prefix}_{kind}"
            actor = Actor(KINDS[kind], request_id=request)
            wrote = within_deadline(
                honest,
                f"writing as {kind}",
                lambda: (
                    database.run(
                        lambda conn: audit_log.record(
                            conn,
                            actor=actor,  # noqa: B023
                            action="honest",
                            resource_type="x",
                            resource_id=1,
                            after={"note": note},  # noqa: B023
                        )
                    )
                    or True
                ),
            )
            if wrote:
                honest.written[request] = (actor.name, note)
    finally:
        database.close()


def read_honestly(own: Roles, writers: list[Honest], honest: Honest, stop: threading.Event) -> None:
    """Read the newest page of the audit log, then a row that an honest writer has committed."""
    database = Database(own.url_as(grants.ADMIN_API), pool_size=1, limits=INTERACTIVE_TIMEOUTS)

    def page(**filters: str) -> audit_log.AuditPage:
        with database.read() as conn:
            return audit_log.list_entries(conn, filters=audit_log.AuditFilter(**filters))

    try:
        while not stop.wait(HONEST_PAUSE_SECONDS):
            written = random.choice(writers).written
            request = next(reversed(written.copy()), None)
            if within_deadline(honest, "reading a page", page) == audit_log.AuditPage([], None):
                continue
            if request is None:
                continue
            found = within_deadline(honest, "finding a row", lambda: page(request_id=request))  # noqa: B023
            check_row(found, request, written[request], honest)
    finally:
        database.close()


def check_row(found: object, request: str, written: tuple[str, str], honest: Honest) -> None:
    if not isinstance(found, audit_log.AuditPage):
        return  # the call failed, and `wrong` has its error
    rows = [
        (one.actor, (one.after or {}).get("note"), one.db_role)
        for one in found.entries
        if one.action == "honest"
    ]
    # If a session ended before its reply, the commit may have happened, and the row exists twice.
    if {*rows} != {(*written, request.split("/")[1])}:
        honest.wrong.append(f"{request}: found {rows}")


def attack(own: Roles, kind: str, seed: int, hostile: Hostile, stop: threading.Event) -> None:
    draw = random.Random(seed)
    others = [one for one in grants.ROLES if one != kind]
    conn: psycopg.Connection[object] | None = None
    while not stop.is_set():
        template = draw.choice(hostile_statements.ALL)
        statement = template.format(
            actor=KINDS[kind],
            mark=f"hostile/{own.prefix}_{kind}",
            role=f"{own.prefix}_{kind}",
            owner=f"{own.prefix}_owner",
            other=f"{own.prefix}_{draw.choice(others)}",
        )
        hostile.tried[template] += 1
        try:
            if conn is None or conn.closed:
                conn = psycopg.connect(own.url_as(kind), autocommit=True, connect_timeout=5)
                conn.adapters.register_loader("jsonb", TextLoader)  # Python cannot load all values
                conn.execute("SET statement_timeout = '3s'")
                conn.execute("SET idle_in_transaction_session_timeout = 0")
            mode = draw.choice(("alone", "alone", "kept", "undone"))
            if mode != "alone":
                conn.execute("BEGIN")
            answer = conn.execute(statement.encode())
            hostile.allowed[template] += 1
            scan_limit(answer, kind, hostile)
            if mode == "kept":
                stop.wait(draw.uniform(0, 2))
            if mode != "alone":
                conn.execute("COMMIT" if mode == "kept" else "ROLLBACK")
        except psycopg.Error:
            if conn is not None and not conn.closed:
                forgive(conn)
        if conn is not None and draw.random() < 0.02:
            conn.close()
    if conn is not None:
        conn.close()


def forgive(conn: "psycopg.Connection[object]") -> None:
    try:
        conn.execute("ROLLBACK")
        conn.execute("RESET ROLE")
    except psycopg.Error:
        conn.close()


def scan_limit(answer: "psycopg.Cursor[object]", kind: str, hostile: Hostile) -> None:
    if answer.description is not None and answer.rowcount < 1000:
        text = repr(answer.fetchall())
        secrets = {"SCRAM-SHA-256", "root:x:"} | {*CANARIES} - {
            canary for canary, reader in CANARIES.items() if reader == kind
        }
        if any(secret in text for secret in secrets):
            hostile.seen.append(f"{kind}: {text[:200]}")


@pytest.mark.parametrize(
    "seconds", [5.0, pytest.param(300.0, marks=[pytest.mark.deep, pytest.mark.timeout(600)])]
)
def test_no_role_of_a_service_forges_blocks_or_blinds_the_audit_log(
    own: Roles, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(own.url, autocommit=True) as judge:
        (began,) = judge.execute("SELECT clock_timestamp()").fetchone() or (None,)
        before = as_it_is(own, judge)
        stop = threading.Event()
        writers = [Honest() for _ in KINDS]
        reader, hostile = Honest(), Hostile()
        seed = random.randrange(2**32)
        threads = [
            *(
                threading.Thread(target=write_honestly, args=(own, kind, honest, stop))
                for kind, honest in zip(KINDS, writers, strict=True)
            ),
            threading.Thread(target=read_honestly, args=(own, writers, reader, stop)),
            *(
                threading.Thread(target=attack, args=(own, kind, seed + number, hostile, stop))
                for number, kind in enumerate([*KINDS] * SESSIONS_EACH)
            ),
        ]
        for thread in threads:
            thread.start()
        stop.wait(seconds)
        stop.set()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        told = summary(seed, writers, reader, hostile)
        if seconds > LONG_SECONDS:
            with capsys.disabled():
                sys.stdout.write(f"\n{told}\n")
        # Check that no writer was blocked and that the reader found all rows.
        assert [fault for honest in (*writers, reader) for fault in honest.wrong] == [], told
        assert all(len(honest.took) >= seconds / 4 for honest in (*writers, reader)), told
        # Check that no row was forged and that no row of an honest writer is missing.
        services = {kind: f"{own.prefix}_{kind}" for kind in grants.SERVICES}
        values = {
            "began": began,
            "api": services[grants.ADMIN_API],
            "worker": services[grants.CRAWLER_WORKER],
            "scheduler": services[grants.SCHEDULER],
        }
        assert judge.execute(FORGED, values).fetchall() == [], told
        for honest in writers:
            check_all_there(judge, honest)
        left = judge.execute(LEFT_BEHIND, {"services": [*services.values()]}).fetchall()
        assert left == [], told
        assert hostile.seen == [], told
        assert as_it_is(own, judge) == before, told
    assert len(hostile.tried) >= min(len(hostile_statements.ALL) * 0.3, 60), told


def summary(seed: int, writers: list[Honest], reader: Honest, hostile: Hostile) -> str:
    took = sorted(one for honest in writers for one in honest.took)
    read = sorted(reader.took)
    allowed = sorted(hostile.allowed)
    return (
        f"seed {seed}: {sum(hostile.tried.values())} statements of {len(hostile.tried)} kinds, "
        f"{sum(hostile.allowed.values())} allowed, of {len(allowed)} kinds; honest: "
        f"{len(took)} rows, p99 {at(took, 0.99):.3f} s, longest {at(took, 1):.3f} s; {len(read)} "
        f"reads, p99 {at(read, 0.99):.3f} s, longest {at(read, 1):.3f} s"
    )


def at(sorted_times: list[float], share: float) -> float:
    return sorted_times[min(len(sorted_times) - 1, int(len(sorted_times) * share))]


def check_all_there(judge: "psycopg.Connection[object]", honest: Honest) -> None:
    rows = judge.execute(
        "SELECT DISTINCT request_id, actor, after->>'note' FROM admin_audit_log "
        "WHERE action = 'honest' AND request_id = ANY(%s)",
        [[*honest.written]],
    ).fetchall()
    assert {row[0]: (row[1], row[2]) for row in rows} == honest.written  # type: ignore[index]


def as_it_is(own: Roles, judge: "psycopg.Connection[object]") -> list[object]:
    """Return the roles with passwords and settings, the table's change counts and the revision.

    Fails if the schema or the protection of the audit log differs from the expected state.
    """
    database = Database(own.url, pool_size=1)
    try:
        differs = drift.find(database), protection.find(database, prefix=own.prefix).differences
    finally:
        database.close()
    assert differs == ([], [])
    roles = judge.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolconnlimit, rolpassword, setconfig "
        "FROM pg_authid LEFT JOIN pg_db_role_setting ON setrole = pg_authid.oid "
        "WHERE starts_with(rolname, %s) ORDER BY rolname",
        [own.prefix],
    ).fetchall()
    written = judge.execute(
        "SELECT n_tup_upd, n_tup_del FROM pg_stat_user_tables WHERE relname = 'admin_audit_log'"
    ).fetchall()
    changed = judge.execute(
        sql.SQL("SELECT version_num, obj_description('alembic_version'::regclass) FROM {}").format(
            sql.Identifier("alembic_version")
        )
    ).fetchall()
    return [roles, written, changed]
